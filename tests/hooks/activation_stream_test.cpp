#include "hooks/activation_stream.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <tuple>

#include <sys/resource.h>

#include "hooks/provenance.h"
#include "hooks/record.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kStreamZ = "blocks.1.attn.hook_z";
const std::string kStreamResid = "blocks.0.hook_resid_post";

// Of several lengths; every second one with a span.
std::vector<Prompt> stream_prompts(std::size_t count, std::int32_t first = 5) {
  std::vector<Prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    Prompt prompt{.id = std::to_string(i), .text = "", .tokens = {}, .spans = {}};
    for (std::size_t t = 0; t < 3 + (5 * i) % 9; ++t) {
      prompt.tokens.push_back(first + static_cast<std::int32_t>((17 * i + 7 * t) % 200));
    }
    if (i % 2 == 0) {
      prompt.spans["subject"] = {1, 3};
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

void record_for_stream(const Model& model,
                       const std::vector<Prompt>& prompts,
                       const std::filesystem::path& path,
                       RecordOptions options = {}) {
  options.hooks = {kStreamZ, kStreamResid, "blocks.0.attn.hook_pattern"};
  options.logits = Logits::none;
  options.provenance = provenance(model, {.command_line = "test"});
  record(model, prompts, path, options);
}

RecordOptions stored_as(DType dtype) {
  RecordOptions options;
  options.store = dtype;
  return options;
}

// Small enough for several parts of several blocks.
ActivationStreamOptions stream_options() {
  ActivationStreamOptions options;
  options.hooks = {kStreamZ, kStreamResid};
  options.batch_rows = 16;
  options.buffer_bytes = 2 * 80 * (64 + 2 * 32 * 4);
  options.seed = 3;
  return options;
}

std::vector<ActivationBatch> all_batches(ActivationStream& stream) {
  std::vector<ActivationBatch> batches;
  while (auto batch = stream.next()) {
    batches.push_back(std::move(*batch));
  }
  return batches;
}

std::vector<RowPlace> places_of(const std::vector<ActivationBatch>& batches) {
  std::vector<RowPlace> places;
  for (const ActivationBatch& batch : batches) {
    places.insert(places.end(), batch.rows.begin(), batch.rows.end());
  }
  return places;
}

Tensor all_values(const std::vector<ActivationBatch>& batches, std::size_t point) {
  std::vector<Tensor> values;
  for (const ActivationBatch& batch : batches) {
    values.push_back(batch.values[point]);
  }
  return at::cat(values);
}

std::vector<RowPlace> places_in_order(const std::vector<Prompt>& prompts) {
  std::vector<RowPlace> places;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    for (std::size_t t = 0; t < prompts[i].tokens.size(); ++t) {
      places.push_back({0, static_cast<std::int32_t>(i), static_cast<std::int32_t>(t)});
    }
  }
  return places;
}

std::vector<RowPlace> sorted_places(std::vector<RowPlace> places) {
  std::ranges::sort(places, {}, [](const RowPlace& place) {
    return std::tuple(place.trace, place.prompt, place.position);
  });
  return places;
}

}  // namespace

TEST_CASE("a stream of a trace gives every row once, and what the model computed for it") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto prompts = stream_prompts(40);
  RecordOptions stored;
  stored.compress = GENERATE(0, 1);
  record_for_stream(model, prompts, folder.file("t.h5"), stored);
  ActivationStream stream({folder.file("t.h5")}, stream_options());
  REQUIRE(stream.points().size() == 2);
  CHECK(stream.points()[0].name == kStreamResid);  // as the pass reaches them
  CHECK(stream.points()[1].width == model.config().n_heads * model.config().d_head);
  const auto batches = all_batches(stream);
  const auto places = places_of(batches);
  CHECK(std::ssize(places) == stream.rows_per_epoch());
  CHECK((sorted_places(places) == places_in_order(prompts)));
  CHECK((places != places_in_order(prompts)));
  for (std::size_t i = 0; i + 1 < batches.size(); ++i) {
    CHECK(batches[i].rows.size() == 16);
    CHECK(batches[i].values[0].sizes() == at::IntArrayRef{16, model.config().d_model});
  }
  for (std::size_t point = 0; point < 2; ++point) {
    const std::string& name = stream.points()[point].name;
    std::map<std::int32_t, Tensor> alone;
    for (const ActivationBatch& batch : batches) {
      for (std::size_t row = 0; row < batch.rows.size(); ++row) {
        const RowPlace& place = batch.rows[row];
        if (!alone.contains(place.prompt)) {
          Recorder recorder({name});
          model.forward(Batch({prompts[static_cast<std::size_t>(place.prompt)].tokens}), recorder);
          alone[place.prompt] = recorder.at(name, {.prompt = 0}).flatten(1);
        }
        const Tensor got = batch.values[point][static_cast<std::int64_t>(row)];
        REQUIRE(difference(got, alone[place.prompt][place.position]) < 1e-5);
      }
    }
  }
}

TEST_CASE("a live model gives the rows of its trace in the same order") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("gpt2"));
  const auto prompts = stream_prompts(40);
  record_for_stream(model, prompts, folder.file("t.h5"));
  ActivationStreamOptions options = stream_options();
  options.epochs = 2;
  options.rows = positions_from(1);
  options.batch_tokens = 50;
  ActivationStream stored({folder.file("t.h5")}, options);
  ActivationStream live(model, prompts, options);
  CHECK(live.rows_per_epoch() == stored.rows_per_epoch());
  const auto from_trace = all_batches(stored);
  const auto from_model = all_batches(live);
  CHECK((places_of(from_trace) == places_of(from_model)));
  for (std::size_t point = 0; point < 2; ++point) {
    CHECK(difference(all_values(from_trace, point), all_values(from_model, point)) < 1e-5);
  }
}

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
      for (const RowPlace& place : own.next()->rows) {
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

TEST_CASE("rows come in the dtype asked for, whatever the trace stores") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto prompts = stream_prompts(20);
  record_for_stream(model, prompts, folder.file("f32.h5"));
  record_for_stream(model, prompts, folder.file("bf16.h5"), stored_as(DType::bf16));
  ActivationStreamOptions options = stream_options();
  options.order = RowOrder::as_stored;
  const auto values = [&](const std::string& name, DType dtype) {
    options.dtype = dtype;
    ActivationStream stream({folder.file(name)}, options);
    return all_values(all_batches(stream), 0);
  };
  const Tensor exact = values("f32.h5", DType::f32);
  CHECK(values("f32.h5", DType::bf16).equal(exact.to(at::kBFloat16)));
  CHECK(values("f32.h5", DType::f16).equal(exact.to(at::kHalf)));
  CHECK(values("bf16.h5", DType::f32).equal(exact.to(at::kBFloat16).to(at::kFloat)));
}

TEST_CASE("several traces of a model are one stream; batches that are kept stay as they were") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  record_for_stream(model, stream_prompts(30), folder.file("a.h5"));
  record_for_stream(model, stream_prompts(20, 9), folder.file("b.h5"), stored_as(DType::f16));
  ActivationStream stream({folder.file("a.h5"), folder.file("b.h5")}, stream_options());
  std::vector<ActivationBatch> kept;
  std::vector<Tensor> copies;
  while (auto batch = stream.next()) {
    copies.push_back(batch->values[0].clone());
    kept.push_back(std::move(*batch));
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    REQUIRE(kept[i].values[0].equal(copies[i]));
  }
  const auto places = sorted_places(places_of(kept));
  CHECK(std::ranges::count(places, 1, &RowPlace::trace) ==
        std::ssize(places_in_order(stream_prompts(20))));
  CHECK(std::ssize(places) == stream.rows_per_epoch());
}

TEST_CASE("what cannot be streamed is refused, naming the trace and the way out") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto prompts = stream_prompts(10);
  record_for_stream(model, prompts, folder.file("t.h5"));
  record_for_stream(load(huggingface_fixture("gpt2")), prompts, folder.file("other.h5"));
  ActivationStreamOptions options = stream_options();
  const auto refused = [&](const std::vector<std::filesystem::path>& traces,
                           const std::string& why) {
    CHECK_THROWS_WITH(ActivationStream(traces, options), contains(why));
  };
  refused({}, "no trace");
  refused({folder.file("t.h5"), folder.file("other.h5")}, "other.h5: of another model than ");
  options.hooks = {"blocks.0.attn.hook_pattern"};
  refused({folder.file("t.h5")}, "not one row a token");
  CHECK_THROWS_WITH(ActivationStream(model, prompts, options), contains("not one row a token"));
  options.hooks = {"blocks.1.attn.hook_zz"};
  refused({folder.file("t.h5")},
          "t.h5: blocks.1.attn.hook_zz was not recorded; did you mean blocks.1.attn.hook_z?; "
          "record it with --hooks");
  options.hooks = {};
  refused({folder.file("t.h5")}, "name one or more");
  options = stream_options();
  options.buffer_bytes = 100;
  refused({folder.file("t.h5")}, "too small for the longest prompt; give at least");
  options = stream_options();
  options.batch_rows = 0;
  refused({folder.file("t.h5")}, "batch_rows 0");
  int batches = 0;
  RecordOptions some;
  some.batch_tokens = 12;
  some.stop = [&] { return batches++ == 2; };
  record_for_stream(model, prompts, folder.file("part.h5"), some);
  options = stream_options();
  CHECK_THROWS_AS(ActivationStream({folder.file("part.h5")}, options), DataError);
  refused({folder.file("part.h5")}, "of its 10 prompts were finished; record the rest with");
}

TEST_CASE(
    "rows of blocks that are read in several pieces, by several threads, go where they belong") {
  const TempFolder folder;
  TraceHeader header;
  header.provenance = {{"model", "none"}};
  header.datasets = {{"x", {"prompt", "pos", "d_model"}, {0, 256}, DType::f32}};
  constexpr std::int64_t kPrompts = 120;
  const auto tokens_of = [](std::int64_t prompt) { return 40 + (prompt * 7) % 25; };
  for (std::int64_t i = 0; i < kPrompts; ++i) {
    const std::vector<std::int32_t> tokens(static_cast<std::size_t>(tokens_of(i)), 1);
    header.prompts.push_back({std::to_string(i), "", tokens, {}});
  }
  TraceWriter writer(folder.file("t.h5"), header, {.compress = GENERATE(0, 1)});
  for (std::int64_t i = 0; i < kPrompts; ++i) {  // every row says where it is from
    const Tensor place = at::arange(tokens_of(i), at::kFloat).add(static_cast<double>(100 * i));
    const Tensor rows = place.unsqueeze(1).expand({-1, 256}).contiguous();
    const auto* bytes = static_cast<const std::uint8_t*>(rows.const_data_ptr());
    const auto prompt = static_cast<std::size_t>(i);
    writer.write(prompt, "x", DType::f32, {bytes, bytes + rows.nbytes()});
    writer.finish_prompt(prompt);
  }
  writer.finish();
  ActivationStreamOptions options;
  options.hooks = {"x"};
  options.batch_rows = 700;
  options.rows = positions_from(1);
  options.buffer_bytes = std::size_t{GENERATE(8, 64)} << 20;  // several parts of blocks, or one
  ActivationStream stream({folder.file("t.h5")}, options);
  std::int64_t rows = 0;
  while (const auto batch = stream.next()) {
    std::vector<std::int64_t> expected;
    for (const RowPlace& place : batch->rows) {
      expected.push_back(100 * place.prompt + place.position);
    }
    const Tensor wanted = index_tensor(expected, at::kCPU).to(at::kFloat).unsqueeze(1);
    REQUIRE(batch->values[0].equal(wanted.expand({-1, 256})));
    rows += std::ssize(batch->rows);
  }
  CHECK(rows == stream.rows_per_epoch());
}

TEST_CASE("a failure in the stream's thread reaches whoever asks for the next batch") {
  const Model model = load(huggingface_fixture("llama"));
  std::vector<Prompt> prompts = stream_prompts(3);
  prompts[1].tokens[0] = 100000;
  ActivationStream stream(model, prompts, stream_options());
  CHECK_THROWS_AS(all_batches(stream), UsageError);
  CHECK_THROWS_WITH(stream.next(), contains("100000"));
}

TEST_CASE("a stream's memory does not grow with the data, and may be left at any time") {
  const TempFolder folder;
  TraceHeader header;
  header.provenance = {{"model", "none"}};
  header.datasets = {{"x", {"prompt", "pos", "d_model"}, {0, 256}, DType::f32}};
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < 1000; ++i) {
    header.prompts.push_back({std::to_string(i), "", std::vector<std::int32_t>(64, 1), {}});
    all.push_back(i);
  }
  {
    TraceWriter writer(folder.file("t.h5"), header, {});
    for (const std::size_t prompt : all) {
      writer.write(prompt, "x", DType::f32, std::vector<std::uint8_t>(64 * 256 * 4, 1));
      writer.finish_prompt(prompt);
    }
    writer.finish();
  }
  ActivationStreamOptions options;
  options.hooks = {"x"};
  options.batch_rows = 500;
  options.buffer_bytes = 4 << 20;
  ActivationStream stream({folder.file("t.h5")}, options);
  (void)stream.next();
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  std::int64_t rows = 500;
  while (const auto batch = stream.next()) {
    rows += std::ssize(batch->rows);
  }
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  CHECK(rows == 64000);
#ifndef __SANITIZE_ADDRESS__                              // which keeps what was freed
  CHECK(after.ru_maxrss - before.ru_maxrss < 20 * 1024);  // KiB, of 65 MB in all
#endif
  ActivationStream left({folder.file("t.h5")}, options);
  (void)left.next();
}
