// A stream that is gone on with, and what its first parts hold.
#include <algorithm>
#include <fstream>
#include <set>

#include "hooks/activation_rows.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "tests/hooks/streamed_rows.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE(
    "a stream that skips batches goes on as one that handed them out, and does not run them") {
  const Model model = load(huggingface_fixture("llama"));
  const auto prompts = stream_prompts(120);
  for (const LastBatch last : {LastBatch::keep, LastBatch::drop}) {
    ActivationStreamOptions options = stream_options();
    options.epochs = 2;
    options.last_batch = last;
    options.first_rows = 30;
    ActivationStream whole(model, prompts, options);
    const auto batches = all_batches(whole);
    for (const std::size_t skipped : {std::size_t{0},
                                      std::size_t{1},
                                      std::size_t{20},
                                      batches.size() / 2,
                                      batches.size() / 2 + 7,
                                      batches.size() - 1}) {
      CAPTURE(skipped, last == LastBatch::keep);
      const TempFolder folder;
      std::ofstream(folder.file("same.json"))
          << R"({"version": 1, "interventions": [{"site": "blocks.0.attn.hook_z", "op": "scale", "factor": 1}]})";
      const Model counted = intervened(model, folder.file("same.json"));
      {
        ActivationStream stream(counted, prompts, options);
        stream.skip(static_cast<std::int64_t>(skipped));
        const auto rest = all_batches(stream);
        REQUIRE(rest.size() == batches.size() - skipped);
        CHECK((rest.front().rows == batches[skipped].rows));
        CHECK(rest.front().epoch == batches[skipped].epoch);
        CHECK((places_of(rest) ==
               places_of({batches.begin() + static_cast<std::ptrdiff_t>(skipped), batches.end()})));
        CHECK_THROWS_AS(stream.skip(1), UsageError);
      }
      if (skipped + 1 == batches.size()) {  // a part of up to 80 rows, of 2 × 840 of 120 passes
        CHECK(counted.standing()->fired().at(0).values < 40);
      }
    }
    ActivationStream beyond(model, prompts, options);
    CHECK_THROWS_AS(beyond.skip(std::ssize(batches)), UsageError);
  }
}

TEST_CASE("first parts that grow hold every row once, and the first one is read alone") {
  const Model model = load(huggingface_fixture("llama"));
  const auto prompts = stream_prompts(120);
  ActivationStreamOptions options = stream_options();
  options.buffer_bytes = 1 << 20;  // all rows at once
  options.first_rows = 32;
  ActivationStream stream(model, prompts, options);
  const auto places = places_of(all_batches(stream));
  CHECK((sorted_places(places) == places_in_order(prompts)));
  const auto farthest = [&](std::int64_t first_rows) {  // prompts that the first 32 rows come from
    options.first_rows = first_rows;
    ActivationStream own(model, prompts, options);
    std::set<std::int32_t> seen;
    for (int i = 0; i < 2; ++i) {
      const auto batch = own.next();  // named: a temporary would end before the loop begins
      for (const RowPlace& place : batch->rows) {
        seen.insert(place.prompt);
      }
    }
    return seen.size();
  };
  CHECK(farthest(32) <= 10);  // a part of 32 rows of prompts of 3 to 11 tokens
  CHECK(farthest(0) > 16);    // mixed with all 840
  ActivationStream full(model, prompts, options);
  CHECK(stream.rows_per_epoch() == full.rows_per_epoch());
}
