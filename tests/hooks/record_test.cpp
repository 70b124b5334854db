#include "hooks/record.h"

#include <fstream>

#include "hooks/prompts.h"
#include "hooks/provenance.h"
#include "hooks/recorder.h"
#include "hooks/trace/trace_reader.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

namespace fs = std::filesystem;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "headscope-record-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::vector<Prompt> prompts() {
  return {{"a", "", {5, 6, 7, 8, 9, 10}, {{"subject", {1, 3}}}},
          {"b", "", {11, 12, 13}, {}},
          {"c", "", {14, 15, 16, 17}, {}}};
}

RecordOptions options(const Model& model) {
  RecordOptions options;
  options.hooks = {"blocks.*.attn.hook_pattern", "blocks.1.attn.hook_z"};
  options.logits = Logits::all;
  options.batch_tokens = 12;
  options.provenance = provenance(model, {.command_line = "test", .seed = 3});
  return options;
}

Tensor read(const TraceReader& trace, const std::string& name, std::size_t prompt) {
  auto values = trace.read(name, prompt);
  return at::from_blob(values.values.data(), values.shape, at::kFloat).clone();
}

}  // namespace

TEST_CASE("a trace holds what the model computed for each prompt alone") {
  const TemporaryFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto result = record(model, prompts(), folder / "t.h5", options(model));
  CHECK(result.recorded_now == 3);
  const TraceReader trace(folder / "t.h5");
  CHECK(trace.complete());
  CHECK(trace.prompt(0).spans.at("subject") == Span{1, 3});
  for (std::size_t i = 0; i < prompts().size(); ++i) {
    Recorder alone{"blocks.*.attn.hook_pattern", "blocks.1.attn.hook_z"};
    const Tensor logits = model.forward(Batch({prompts()[i].tokens}), alone).logits[0];
    CHECK(difference(read(trace, "logits/all", i), logits) < 1e-5);
    for (const std::string& name : alone.names()) {
      CHECK(difference(read(trace, name, i), alone.at(name, {.prompt = 0})) < 1e-5);
    }
  }
}

TEST_CASE("token ids are stored exactly, however values are stored") {
  const TemporaryFolder folder;
  constexpr std::int64_t kVocab = 70'000;  // beyond f16's 65504, and odd ids beyond its integers
  const Model model =
      altered(load(huggingface_fixture("llama")), [](ModelConfig& config, Weights& weights) {
        config.d_vocab = kVocab;
        weights.W_E = at::zeros({kVocab, config.d_model});
        weights.W_U = at::zeros({kVocab, config.d_model});
      });
  const std::vector<std::int32_t> tokens{2049, 65'503, 65'505, 69'999};
  RecordOptions half;
  half.hooks = {"hook_tokens", "hook_embed"};
  half.logits = Logits::none;
  half.store = DType::f16;
  half.provenance = provenance(model, {.command_line = "test"});
  record(model, {{"a", "", tokens, {}}}, folder / "t.h5", half);
  const TraceReader trace(folder / "t.h5");
  CHECK(trace.dataset("hook_embed").dtype == DType::f16);
  CHECK(trace.read("hook_tokens", 0).values == std::vector<float>(tokens.begin(), tokens.end()));
}

TEST_CASE("a stopped recording goes on where it was and refuses another run's settings") {
  const TemporaryFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  RecordOptions some = options(model);
  some.batch_tokens = 4;
  int batches = 0;
  some.stop = [&] { return batches++ == 1; };
  const auto first = record(model, prompts(), folder / "t.h5", some);
  CHECK(first.stopped);
  CHECK(first.recorded_now == 1);
  CHECK_FALSE(TraceReader(folder / "t.h5").complete());
  CHECK_THROWS_AS(record(model, prompts(), folder / "t.h5", options(model)), UsageError);

  RecordOptions rest = options(model);
  rest.if_exists = IfExists::resume;
  RecordOptions other_seed = rest;
  other_seed.provenance = provenance(model, {.command_line = "test", .seed = 4});
  CHECK_THROWS_WITH(record(model, prompts(), folder / "t.h5", other_seed), contains("seed"));
  CHECK(record(model, prompts(), folder / "t.h5", rest).recorded_now == 2);
  CHECK(TraceReader(folder / "t.h5").complete());
}

TEST_CASE(
    "a recording is left within a batch; its finished prompts stay, and it goes on as it was") {
  const TemporaryFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  RecordOptions whole = options(model);
  whole.batch_tokens = 4;  // a prompt a pass
  record(model, prompts(), folder / "whole.h5", whole);
  RecordOptions some = whole;
  int asked = 0;
  const auto layers = static_cast<int>(model.config().n_layers);
  some.cancel = [&] { return ++asked > layers + 1; };  // in the second layer of the second pass
  const auto first = record(model, prompts(), folder / "t.h5", some);
  CHECK(first.stopped);
  CHECK(first.recorded_now == 1);
  CHECK(asked == layers + 2);  // no layer runs after it was asked to end
  some.cancel = [] { return false; };
  some.if_exists = IfExists::resume;
  CHECK(record(model, prompts(), folder / "t.h5", some).recorded_now == 2);
  const TraceReader trace(folder / "t.h5");
  const TraceReader expected(folder / "whole.h5");
  CHECK(trace.complete());
  for (std::size_t i = 0; i < prompts().size(); ++i) {
    CHECK(trace.read("blocks.1.attn.hook_z", i).values ==
          expected.read("blocks.1.attn.hook_z", i).values);
  }
}

TEST_CASE("a recording by another version or on another kind of device is not gone on with") {
  const TemporaryFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Model gpt2 = load(huggingface_fixture("gpt2"));  // no rotary table to put on the GPU
  const Model on_gpu(Model::Parts{.config = gpt2.config(),
                                  .weights = gpt2.weights(),
                                  .tokenizer = nullptr,
                                  .device = cuda(1),
                                  .dtype = gpt2.dtype(),
                                  .source = gpt2.source()});
  const Json made = provenance(on_gpu, {});
  CHECK(made["device"] == "cuda:1");
  CHECK(made["identity"]["device"] == "cuda");
  CHECK(made["identity"]["headscope_version"] == made["headscope_version"]);

  (void)record(model, prompts(), folder / "t.h5", options(model));
  RecordOptions other = options(model);
  other.if_exists = IfExists::resume;
  const auto refused = [&](const char* key, const char* value, const std::string& why) {
    other.provenance = options(model).provenance;
    other.provenance["identity"][key] = value;
    CHECK_THROWS_WITH(record(model, prompts(), folder / "t.h5", other), contains(why));
  };
  refused("device", "cuda", "device is cpu there but cuda here");
  refused("headscope_version", "9.9.9", "but 9.9.9 here");
}

TEST_CASE("prompts: the line of a mistake is named") {
  const TemporaryFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto read_lines = [&](const std::string& text) {
    std::ofstream(folder / "p.jsonl") << text;
    return read_prompts(folder / "p.jsonl", model, {});
  };
  const auto good = read_lines(
      "{\"tokens\": [1, 2, 3], \"id\": \"x\", \"spans\": {\"s\": [0, 2]}}\n\n{\"tokens\": [4]}\n");
  REQUIRE(good.size() == 2);
  CHECK(good[0].spans.at("s") == Span{0, 2});
  CHECK(good[1].id == "1");
  CHECK_THROWS_WITH(read_lines("{\"tokens\": [1]}\n{\"tokens\": [1}\n"), contains("p.jsonl:2"));
  CHECK_THROWS_WITH(read_lines("{\"tokens\": []}\n"), contains("p.jsonl:1"));
  CHECK_THROWS_WITH(read_lines("{\"tokens\": [1], \"spans\": {\"s\": [0, 2]}}\n"),
                    contains("span \"s\""));
  CHECK_THROWS_WITH(read_lines("{\"tokens\": [1], \"text\": \"a\"}\n"), contains("either"));
  CHECK_THROWS_WITH(read_lines("{\"tokens\": [1], \"txt\": \"a\"}\n"), contains("txt"));
  CHECK_THROWS_WITH(read_lines("{\"tokens\": [999999]}\n"), contains("999999"));
  CHECK_THROWS_WITH(read_lines("\n"), contains("no prompts"));
  const std::string one = "{\"tokens\": [1], \"id\": \"x\"}\n";
  CHECK_THROWS_WITH(read_lines("\n" + one + "{\"tokens\": [1], \"tokens\": [2]}\n"),
                    contains("p.jsonl:3: the key \"tokens\""));
  CHECK_THROWS_AS(read_lines(one + one), DataError);
  CHECK_THROWS_WITH(read_lines(one + "\n" + one),
                    contains("p.jsonl:3: the id \"x\"") && contains("p.jsonl:1;"));
  CHECK_THROWS_WITH(read_lines("{\"tokens\": [1], \"id\": 1}\n{\"tokens\": [2]}\n"),
                    contains("p.jsonl:2: the id \"1\""));
}
