// Memory is asked for before work starts, and what is asked for is what is taken.
#include "hooks/address.h"
#include "hooks/record_need.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/tensor/backend.h"
#include "lib/tensor/ops.h"
#include "tests/cli/program.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Outcome bench(const std::string& what,
              const std::string& model,
              const std::string& shape,
              const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{
      "bench", what, model, "--shape", shape, "--repeats", "1", "--warm-ups", "1", "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

void check_refused(const Outcome& outcome, const std::string& way_out) {
  INFO(outcome.err);
  CHECK(outcome.code == 4);
  CHECK(outcome.out.empty());
  CHECK(is_one_line(outcome.err));
  CHECK_THAT(outcome.err, contains("need about") && contains(" free; try ") && contains(way_out));
}

std::string tokens_line(std::size_t count) {
  std::string line = "{\"tokens\": [5";
  for (std::size_t i = 1; i < count; ++i) {
    line += ",5";
  }
  return line + "]}\n";
}

}  // namespace

TEST_CASE("the estimate of watched values is at least what a recorder holds, and not thrice it") {
  for (const char* fixture : {"gpt2", "gpt_neox", "llama3_gqa_tied", "qwen3_window", "gemma2"}) {
    const Model model = load(huggingface_fixture(fixture));
    for (const std::string pattern :
         {"*", "blocks.*.attn.hook_pattern", "blocks.0.hook_mlp_out", "hook_tokens"}) {
      INFO(fixture << " " << pattern);
      Recorder recorder(std::vector<std::string>{pattern});
      model.forward(Batch({{5, 6, 7, 8, 9}, {5, 6, 7}}), recorder);
      std::int64_t held = 0;
      for (const std::string& name : recorder.names()) {
        held += static_cast<std::int64_t>(recorder.at(name).nbytes());
      }
      const std::int64_t estimate = watched_bytes(model.config(),
                                                  resolve_hooks(pattern, model.config()),
                                                  {.rows = 2, .columns = 5, .padded = true});
      CHECK(estimate >= held);
      CHECK(estimate <= 3 * held);
    }
  }
}

TEST_CASE("the estimate of a pass bounds what the program takes for one") {
  const std::string llama = model_path("llama");
  const ModelConfig config = load(huggingface_fixture("llama")).config();
  const auto taken = [&](const std::string& what, const std::string& shape) {
    return bench(what, llama, shape, {"--threads", "1"}).json()["runs"][0]["peak_memory"];
  };
  const auto growth =
      taken("forward", "2048x64").get<std::int64_t>() - taken("forward", "1x4").get<std::int64_t>();
  const std::int64_t estimate =
      pass_need(config, DType::f32, {.rows = 2048, .columns = 64}, Logits::all).total();
  INFO("estimate " << estimate << " taken " << growth);
  CHECK(estimate >= growth);
  CHECK(estimate <= 4 * growth);
}

TEST_CASE("the batch of a recording that takes most is found") {
  const Model model = load(huggingface_fixture("llama"));
  const auto prompt = [](std::size_t length) {
    return TracePrompt{"", "", std::vector<std::int32_t>(length, 5), {}};
  };
  RecordOptions options;
  options.hooks = {"blocks.*.attn.hook_pattern"};
  options.batch_tokens = 100;
  const std::vector<TracePrompt> prompts{prompt(90), prompt(20), prompt(19), prompt(20)};
  const MemoryNeed need = record_need(model, prompts, options);
  CHECK(need.shape.rows == 1);
  CHECK(need.shape.columns == 90);
  CHECK_FALSE(need.shape.padded);
  CHECK(need.watched == 2 * 4 * 90 * 90 * 4);  // scores and pattern of 4 heads, f32
  CHECK(need.host > 3 * 4 * 90 * 90 * 4);
  options.batch_tokens = 1000;
  CHECK(record_need(model, prompts, options).shape.rows == 4);
  CHECK(record_need(model, prompts, options).shape.padded);
}

TEST_CASE("what the memory cannot hold is refused before it starts") {
  const std::string llama = model_path("llama");
  check_refused(bench("forward", llama, "900000000x128"), "a smaller --shape");
  check_refused(bench("forward", llama, "9000000000000000000x128"), "a smaller --shape");
  check_refused(bench("record", llama, "90000000x128", {"--logits", "none"}), "watched values");
  const EditedModel wide("llama", [](Json& c) { c["max_position_embeddings"] = 1 << 20; });
  const Folder folder;
  put(folder / "p.jsonl", tokens_line(400'000));
  const std::vector<std::string> words{"record",
                                       wide.path().string(),
                                       "--prompts",
                                       folder / "p.jsonl",
                                       "--hooks",
                                       "blocks.1.attn.hook_pattern",
                                       "-o",
                                       folder / "t.h5"};
  check_refused(run(words), "shorter prompts, fewer --hooks or --dtype bf16");
  CHECK_FALSE(std::filesystem::exists(folder / "t.h5"));
}

TEST_CASE("a need is compared with what there is") {
  MemoryNeed need;
  need.logits = free_memory({}) / 2;
  CHECK_NOTHROW(check_memory(need, {}, "less"));
  need.watched = free_memory({});
  CHECK_THROWS_AS(check_memory(need, {}, "less"), ResourceError);
  CHECK_THROWS_WITH(check_memory(need, {}, "less"), contains("free; try less"));
}

TEST_CASE("smollm2 at 4096 prompts of 8192 tokens is refused at once") {
  cached_model();
  check_refused(bench("forward", "smollm2", "4096x8192"), "--logits last");
}
