#include "hooks/activation_stream.h"

#include <algorithm>
#include <map>

#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "tests/hooks/streamed_rows.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

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

TEST_CASE("as many threads as are asked for read a trace; the rows and their order stay") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  record_for_stream(model, stream_prompts(60), folder.file("t.h5"));
  ActivationStream two({folder.file("t.h5")}, stream_options());
  const std::vector<ActivationBatch> expected = all_batches(two);
  for (const int readers : {1, 7, 16}) {
    CAPTURE(readers);
    ActivationStreamOptions options = stream_options();
    options.readers = readers;
    ActivationStream stream({folder.file("t.h5")}, options);
    const std::vector<ActivationBatch> batches = all_batches(stream);
    REQUIRE(batches.size() == expected.size());
    CHECK((places_of(batches) == places_of(expected)));
    for (std::size_t i = 0; i < batches.size(); ++i) {
      for (std::size_t point = 0; point < batches[i].values.size(); ++point) {
        CHECK(batches[i].values[point].equal(expected[i].values[point]));
      }
    }
  }
  for (const int readers : {0, 17}) {
    ActivationStreamOptions options = stream_options();
    options.readers = readers;
    CHECK_THROWS_WITH(ActivationStream({folder.file("t.h5")}, options), contains("1 to 16"));
  }
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

TEST_CASE("a failure in the stream's thread reaches whoever asks for the next batch") {
  const Model model = load(huggingface_fixture("llama"));
  std::vector<Prompt> prompts = stream_prompts(3);
  prompts[1].tokens[0] = 100000;
  ActivationStream stream(model, prompts, stream_options());
  CHECK_THROWS_AS(all_batches(stream), UsageError);
  CHECK_THROWS_WITH(stream.next(), contains("100000"));
}
