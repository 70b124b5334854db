// The parts of the program that compute: head scores, predictions, sizes, names.
#include <cmath>

#include "analyses/bench/bench_runs.h"
#include "cli/demo/demo_heads.h"
#include "cli/output.h"
#include "cli/predictions.h"
#include "cli/trace/trace_view.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// One prompt of four tokens and two heads: head 0 attends to the token before, head 1 to the first.
std::string made_trace(const Folder& folder) {
  TraceHeader header;
  header.provenance = {{"model", "/models/tiny.gguf"}, {"identity", Json::object()}};
  header.prompts = {{"p", "a b c d", {1, 2, 3, 4}, {{"object", {1, 3}}}, {}}};
  header.datasets = {
      {"blocks.0.attn.hook_pattern", {"prompt", "head", "query", "key"}, {2, 0, 0}, DType::f32}};
  const std::vector<float> patterns{1, 0, 0, 0, 1, 0, 0, 0, 0, 0.9F, 0.1F, 0, 0, 0.1F, 0.7F, 0.2F,
                                    1, 0, 0, 0, 1, 0, 0, 0, 1, 0,    0,    0, 1, 0,    0,    0};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(patterns.data());
  TraceWriter writer(folder / "made.h5", header, {});
  writer.write(0,
               "blocks.0.attn.hook_pattern",
               DType::f32,
               {bytes, bytes + patterns.size() * sizeof(float)});
  writer.finish_prompt(0);
  writer.finish();
  return folder / "made.h5";
}

}  // namespace

TEST_CASE("head scores are means of the attention they name") {
  const Folder folder;
  const DemoHeads scores = demo_heads(TraceReader(made_trace(folder)));
  REQUIRE(scores.previous.grid == HeadGrid{1, 2});
  CHECK(scores.previous[{0, 0}] == Approx((0.9 + 0.7) / 2));
  CHECK(scores.first[{0, 0}] == Approx(1.0 / 3));
  CHECK(scores.object[{0, 0}] == Approx(0.1 + 0.7));
  CHECK(scores.previous[{0, 1}] == Approx(0.0));
  CHECK(scores.first[{0, 1}] == Approx(1.0));
}

TEST_CASE("labels fall back to token ids, and the model is named by its file") {
  const Folder folder;
  const TraceReader trace(made_trace(folder));
  CHECK(token_labels(trace.prompt(0)) == std::vector<std::string>{"1", "2", "3", "4"});
  CHECK(model_label(trace) == "tiny.gguf");
  CHECK(heat_map_of(trace, {"blocks.0.attn.hook_pattern", 0, 1}).values[4] == 1.0F);
}

TEST_CASE("names of hooks are split into layer and point") {
  CHECK(split_hook("blocks.12.attn.hook_z").layer == 12);
  CHECK(split_hook("blocks.12.attn.hook_z").point == "attn.hook_z");
  CHECK(split_hook("hook_embed").layer == -1);
  CHECK(split_hook("blocks.x.y").point == "blocks.x.y");
}

TEST_CASE("numbers in words") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(134515008) == "134,515,008");
  CHECK(grouped(-1234) == "-1,234");
  CHECK(grouped(999) == "999");
  CHECK(facts({{"a", "1"}, {"long", "2"}, {"none", ""}}) == "a     1\nlong  2\n");
  CHECK(parse_shape("8x15").tokens == 15);
  CHECK_THROWS_AS(parse_shape("0x15"), UsageError);
  CHECK_THROWS_AS(parse_shape("8x15x"), UsageError);
  CHECK(random_prompts({2, 3}, 10, 7) == random_prompts({2, 3}, 10, 7));
  CHECK(random_prompts({2, 3}, 1000, 7) != random_prompts({2, 3}, 1000, 8));
}

TEST_CASE("logits that are no numbers have no order and are refused") {
  const Model model = load_model(model_path("llama"));
  std::vector<float> logits(static_cast<std::size_t>(model.config().d_vocab), 1.0F);
  CHECK(top_predictions(logits, model, 2)[1].token == 1);
  for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    logits[7] = bad;
    CHECK_THROWS_AS(top_predictions(logits, model, 2), DataError);
    CHECK_THROWS_WITH(top_predictions(logits, model, 2),
                      contains("token 7") && contains("the weights hold NaN"));
  }
}
