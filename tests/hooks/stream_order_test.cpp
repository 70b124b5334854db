// Which rows a stream of activations gives, and in which order.
#include <algorithm>
#include <set>

#include "hooks/activation_rows.h"
#include "tests/hooks/streamed_rows.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("the seed and the epoch decide the order, and parts draw from all over the data") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto prompts = stream_prompts(120);
  record_for_stream(model, prompts, folder.file("t.h5"));
  ActivationStreamOptions options = stream_options();
  const auto order = [&](const ActivationStreamOptions& wanted) {
    ActivationStream stream({folder.file("t.h5")}, wanted);
    return places_of(all_batches(stream));
  };
  const auto first = order(options);
  CHECK((order(options) == first));
  options.epochs = 2;
  const auto twice = order(options);
  const auto half = twice.begin() + std::ssize(first);
  CHECK(std::equal(first.begin(), first.end(), twice.begin()));
  CHECK_FALSE(std::equal(first.begin(), first.end(), half));
  CHECK((sorted_places({half, twice.end()}) == places_in_order(prompts)));
  options.epochs = 1;
  options.seed = 4;
  CHECK((order(options) != first));
  std::set<std::int32_t> quarters;  // of the data, among the first rows
  for (std::size_t i = 0; i < 80; ++i) {
    quarters.insert(first[i].prompt / 30);
  }
  CHECK(quarters.size() >= 3);
  options.order = RowOrder::as_stored;
  CHECK((order(options) == places_in_order(prompts)));
}

TEST_CASE("every epoch mixes the rows of a part anew, even where the data is one block") {
  const Model model = load(huggingface_fixture("llama"));
  const auto prompts = stream_prompts(12);  // outlive the stream
  ActivationStreamOptions options = stream_options();
  options.buffer_bytes = 1 << 20;
  options.epochs = 2;
  ActivationStream stream(model, prompts, options);
  const auto places = places_of(all_batches(stream));
  const auto half = places.begin() + stream.rows_per_epoch();
  REQUIRE(std::ssize(places) == 2 * stream.rows_per_epoch());
  CHECK_FALSE(std::equal(places.begin(), half, half));
}

TEST_CASE("filters choose tokens; the last batch of an epoch is kept or dropped") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto prompts = stream_prompts(40);
  record_for_stream(model, prompts, folder.file("t.h5"));
  ActivationStreamOptions options = stream_options();
  const auto places = [&] {
    ActivationStream stream({folder.file("t.h5")}, options);
    return sorted_places(places_of(all_batches(stream)));
  };
  options.rows = last_position();
  const auto last = places();
  REQUIRE(last.size() == 40);
  CHECK(last[7].position + 1 == std::ssize(prompts[7].tokens));
  options.rows = in_span("subject");
  const auto subject = places();
  REQUIRE(subject.size() == 40);  // two tokens of every second prompt
  CHECK((subject[2] == RowPlace{0, 2, 1}));
  CHECK((subject[3] == RowPlace{0, 2, 2}));
  options.last_batch = LastBatch::drop;
  options.epochs = 2;
  CHECK(places().size() == 2 * 32);
  options.rows = positions_from(99);
  CHECK_THROWS_WITH(ActivationStream({folder.file("t.h5")}, options), contains("no row is left"));
}

TEST_CASE("a block of prompts has no more tokens than twice its rows, however few rows are taken") {
  std::vector<Prompt> prompts;
  for (int i = 0; i < 40; ++i) {
    prompts.push_back(
        {.id = std::to_string(i),
         .text = "",
         .tokens = std::vector<std::int32_t>(static_cast<std::size_t>(5 + i % 7), 5)});
  }
  prompts.push_back({.id = "long", .text = "", .tokens = std::vector<std::int32_t>(50, 5)});
  const ActivationRows rows({&prompts}, last_position(), 10);
  std::size_t next = 0;
  std::int64_t taken = 0;
  for (const RowBlock& block : rows.blocks()) {
    CAPTURE(block.first, block.count, block.tokens);
    CHECK((block.tokens <= 20 || block.count == 1));
    CHECK(block.rows <= 10);
    CHECK(block.first == next);
    next += block.count;
    taken += block.rows;
  }
  CHECK(next == prompts.size());
  CHECK(taken == 41);
  CHECK(rows.blocks().size() > 10);  // not cut by rows alone
}
