// Steps of decoding in a cache with room, at places that tensors tell, against passes; on a GPU
// those that are replayed too.
#include "lib/generate/decode_runner.h"

#include "hooks/edits.h"
#include "hooks/standing_interventions.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/generate/generate.h"
#include "lib/tensor/tensor.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/gpu.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Change = std::shared_ptr<const StandingChange>;

Change scaled_head(const Model& model, double factor) {
  Intervention scale{.site = "blocks.1.attn.hook_z", .op = Op::scale, .factor = factor};
  scale.where.heads = {{0}};
  return std::make_shared<const StandingInterventions>(
      std::vector<Intervention>{scale}, model, fmt::format("xxh3:{}", factor));
}

// What a generation wrote, by what steps, and how often each change fired.
struct Ran {
  std::vector<GeneratedText> texts;
  DecodeRunner::Counts steps;
  std::vector<std::int64_t> fired;
};

// Texts under two changes and none, which join and leave.
Ran ran(const Model& model, DecodeBy by) {
  const Change a = scaled_head(model, -3.0);
  const Change b = scaled_head(model, 5.0);
  Generation generation(model, {.decode = {.by = by, .room = 8}});
  const auto join = [&](std::vector<std::int32_t> prompt, const Change& change, std::int64_t max) {
    generation.join({.prompt = std::move(prompt),
                     .stop = {.max_new = max, .at_end_of_turn = AtEndOfTurn::go_on},
                     .change = change});
  };
  join({5, 9, 7, 3}, a, 14);
  generation.step();
  generation.step();
  join({8, 2, 6, 4, 11, 12}, nullptr, 12);
  join({6, 4}, a, 5);
  join({7}, b, 12);
  for (int i = 0; i < 3; ++i) {
    generation.step();
  }
  generation.leave(3);
  while (generation.step()) {
  }
  Ran result{.texts = {}, .steps = generation.steps(), .fired = {}};
  for (std::size_t i = 0; i < 4; ++i) {
    result.texts.push_back(generation.text(i));
  }
  for (const Change& change : {a, b}) {
    result.fired.push_back(change->fired().front().values);
  }
  return result;
}

void check_same(const Ran& got, const Ran& passes) {
  CHECK(got.fired == passes.fired);
  for (std::size_t i = 0; i < passes.texts.size(); ++i) {
    CAPTURE(i);
    const auto& expected = passes.texts[i].tokens;
    const auto& written = got.texts[i].tokens;
    REQUIRE(written.size() == expected.size());
    for (std::size_t t = 0; t < expected.size(); ++t) {
      CHECK(written[t].token == expected[t].token);
      CHECK(written[t].logprob == Approx(expected[t].logprob).margin(2e-5));
    }
  }
}

const char* const kNames[] = {"gpt2", "llama", "llama3_gqa_tied", "gemma3", "qwen2_window"};

}  // namespace

TEST_CASE("a step at a place that tensors tell is what a pass is") {
  for (const std::string name : kNames) {
    CAPTURE(name);
    const Model model = load(huggingface_fixture(name));
    const Ran passes = ran(model, DecodeBy::passes);
    const Ran placed = ran(model, DecodeBy::room);
    CHECK(passes.steps.in_room == 0);
    CHECK(passes.steps.passes > 10);
    CHECK(placed.steps.passes == 0);
    CHECK(placed.steps.in_room == passes.steps.passes);
    check_same(placed, passes);
  }
}

TEST_CASE("steps run as passes where what watches them is not the same each time") {
  const Model model = load(huggingface_fixture("llama"));
  const auto step_with = [&](const Change& change, Tap& tap) {
    Generation generation(model, {.decode = {.by = DecodeBy::room}});
    generation.join({.prompt = {5, 9, 7}, .stop = {.max_new = 4}, .change = change});
    generation.step(tap);
    return generation.steps();
  };
  NoTap nobody;
  Watch watch(Site::z);
  CHECK(step_with(scaled_head(model, 2.0), nobody).why_passes.empty());
  CHECK(step_with(nullptr, watch).passes == 1);
  Intervention late{.site = "blocks.1.attn.hook_z"};
  late.where.apply.phase = Phase::decode;
  Intervention scores{.site = "blocks.1.attn.hook_attn_scores", .op = Op::temperature};
  scores.factor = 2.0;
  Intervention faded{.site = "blocks.1.attn.hook_z", .op = Op::scale};
  faded.schedule = StrengthSchedule{.kind = StrengthSchedule::Kind::decay, .rate = 0.5};
  for (const Intervention& what : {late, scores, faded}) {
    const Change change = std::make_shared<const StandingInterventions>(
        std::vector<Intervention>{what}, model, "xxh3:1");
    const DecodeRunner::Counts steps = step_with(change, nobody);
    CHECK(steps.passes == 1);
    CHECK(!steps.why_passes.empty());
  }
}

TEST_CASE("a changed model steps at places that tensors tell") {
  const Model plain = load(huggingface_fixture("gemma3"));
  const Change change = scaled_head(plain, -2.0);
  const Model model = plain.with(change);
  const Ran passes = ran(model, DecodeBy::passes);
  const std::int64_t fired = change->fired().front().values;
  const Ran placed = ran(model, DecodeBy::room);
  CHECK(placed.steps.passes == 0);
  CHECK(change->fired().front().values == 2 * fired);
  check_same(placed, passes);
}

TEST_CASE("replayed steps are what passes are") {
  need_gpu();
  for (const std::string name : kNames) {
    CAPTURE(name);
    const Model model = load_model(huggingface_fixture(name).path.string(), {.device = cuda()});
    const Ran passes = ran(model, DecodeBy::passes);
    const Ran replayed = ran(model, DecodeBy::best);
    CAPTURE(replayed.steps.why_passes);
    CHECK(replayed.steps.passes == 0);
    CHECK(replayed.steps.recorded > 1);
    CHECK(replayed.steps.replayed > replayed.steps.recorded);
    check_same(replayed, passes);
  }
}
