// Steps of decoding in a cache with room, at places that tensors tell, against passes; on a GPU
// those that are replayed too.
#include "lib/generate/decode_runner.h"

#include <ATen/record_function.h>

#include "hooks/intervention_json.h"
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

// Changes that a step has as every other has it, …
std::vector<std::string> steady_changes() {
  const std::string z = R"([{"site": "blocks.1.attn.hook_z", "heads": [0], )";
  const std::string eight = "[1, 2, 3, 4, 5, 6, 7, 8]";
  return {
      z + R"("op": "zero", "apply": {"phase": "decode"}}])",
      z + R"("op": "scale", "factor": 3, "positions": [-1]}])",
      z + R"("op": "scale", "factor": 3, "apply": {"positions": {"from": -2, "to": -1}}}])",
      z + R"("op": "scale", "factor": 3, "apply": {"except": -1}}])",
      z + R"("op": "add", "factor": 2, "values": )" + eight + "}]",
      z + R"("op": "replace", "values": )" + eight + "}]",
      z + R"("op": "project_out", "values": )" + eight + "}]",
      z + R"("op": "low_rank", "values": [)" + eight + ", [0, 0, 0, 0, 0, 0, 0, 1]]}]",
      z + R"("op": "scale", "factor": 2}, {"site": "blocks.1.attn.hook_z", "op": "add",
          "values": )" +
          eight + R"(, "apply": {"phase": "decode"}}])",
      R"([{"site": "blocks.0.attn.hook_k", "op": "scale", "factor": 0.5, "kv_heads": [1]},
          {"site": "blocks.1.hook_resid_pre", "op": "scale", "factor": 2,
           "apply": {"phase": "prefill"}}])",
  };
}

// … those of which the steps differ in what they select or in how strongly they change it, …
std::vector<std::string> moving_changes() {
  const std::string z = R"([{"site": "blocks.*.attn.hook_z", "heads": [1], "op": "scale", )";
  const std::string scores = R"([{"site": "blocks.1.attn.hook_attn_scores", )";
  return {
      z + R"("factor": 2, "apply": {"steps": {"from": 1, "to": 3}}}])",
      z + R"("factor": 2, "apply": {"positions": 5}}])",
      z + R"("factor": 2, "apply": {"positions": {"from": -1}, "except": 4}}])",
      z + R"("factor": 2, "apply": {"except": {"tokens": [9]}}}])",
      z + R"("strength": {"schedule": "decay", "from": 2, "rate": 0.5}}])",
      R"([{"site": "blocks.*.hook_resid_post", "op": "add", "values": [1.5],
           "strength": {"schedule": "linear", "from": 2, "to": 0, "steps": 3}}])",
      R"([{"site": "blocks.1.attn.hook_z", "op": "zero", "apply": {"steps": {"from": 0, "to": 2}}},
          {"site": "blocks.1.attn.hook_z", "op": "zero", "apply": {"steps": {"from": 3}}},
          {"site": "blocks.1.attn.hook_z", "op": "scale", "factor": 3}])",
      scores + R"("op": "temperature", "temperature": 2, "heads": [0, 2]}])",
      scores + R"("op": "temperature", "temperature": 3, "apply": {"steps": {"from": 1}}}])",
      scores + R"("op": "bias", "bias": 1.5, "keys": {"positions": 0}}])",
      scores + R"("op": "renormalize", "factor": 0.1, "heads": [3],
                  "keys": {"positions": {"from": 0, "to": 2}}}])",
      scores + R"("op": "mask", "keys": {"phase": "decode", "except": {"from": 4}}}])",
      scores + R"("op": "bias", "strength": {"schedule": "linear", "from": 3, "to": 0, "steps": 3},
                  "keys": {"positions": 1}},
         {"site": "blocks.1.attn.hook_attn_scores", "op": "temperature", "temperature": 2}])",
  };
}

// … those of heads that are so, of whom only the device knows, …
std::vector<std::string> conditional_changes() {
  const std::string z =
      R"([{"site": "blocks.*.attn.hook_z", "op": "scale", "factor": 2, "when": {"statistic": )";
  return {
      z + R"("first_token_mass", "above": 0.2}}])",
      z + R"("entropy", "above": 0.5, "below": 1.2}}])",
      z + R"("self_mass", "below": 0.3}, "heads": [1, 2]}])",
      z + R"("previous_token_mass", "above": 0.1}, "apply": {"steps": {"from": 1}}}])",
  };
}

// … and those that ask for what a recorded step does not form.
std::vector<std::string> unrecorded_changes() {
  return {
      R"([{"site": "blocks.1.attn.hook_pattern", "op": "uniform"}])",
      R"([{"site": "blocks.1.attn.hook_attn_scores", "op": "clamp", "low": -1}])",
      R"([{"site": "blocks.1.attn.hook_rot_k", "op": "scale", "factor": 2}])",
  };
}

std::vector<std::string> recorded_changes() {
  std::vector<std::string> all;
  for (const auto& some : {steady_changes(), moving_changes(), conditional_changes()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

Change change_of(const Model& model, const std::string& json) {
  const std::string document = R"({"version": 1, "interventions": )" + json + "}";
  return json.empty() ? nullptr
                      : standing_interventions(
                            model, interventions_from_json(Json::parse(document), "test"));
}

struct Written {
  GeneratedText text;
  std::int64_t fired = 0;
  DecodeRunner::Counts steps;
};

Written written(const Model& model,
                const std::string& json,
                std::int64_t max_new,
                DecodeRunner::Options decode) {
  const Change change = change_of(model, json);
  Generation generation(model, {.decode = std::move(decode)});
  const StopRules stop{.max_new = max_new, .at_end_of_turn = AtEndOfTurn::go_on};
  generation.join({.prompt = {5, 9, 7}, .stop = stop, .change = change});
  generation.join({.prompt = {8, 2, 6, 4}, .stop = stop});
  while (generation.step()) {
  }
  std::int64_t fired = 0;
  for (const StandingChange::Fired& part :
       change ? change->fired() : std::vector<StandingChange::Fired>()) {
    fired += part.values;
  }
  return {generation.text(0), fired, generation.steps()};
}

// In place of the device's: `record` says what becomes of a step's launches.
class FakeGraph final : public LaunchGraph {
 public:
  using Record = std::function<void(const std::function<void()>&)>;
  explicit FakeGraph(Record record) : record_(std::move(record)) {}
  void warm_up(const std::function<void()>& work) override { work(); }
  void record(const std::function<void()>& work) override { record_(work); }
  void replay() override {}  // of the step that was just recorded, which has run

 private:
  Record record_;
};

DecodeRunner::Options recorded_by(FakeGraph::Record record) {
  return {.graph = [record](const Device&) { return std::make_unique<FakeGraph>(record); }};
}

enum class Others { unchanged, alike };

// Texts of one prompt number and how often the change of the first fired; others are
// under it too or under none.
// A cache of room by 8 columns grows under the first text, and shrinks where the longest one leaves
// and another takes its row.
std::pair<std::vector<GeneratedText>, std::int64_t> beside_others(const Model& model,
                                                                  const std::string& json,
                                                                  Others others_are,
                                                                  DecodeBy by) {
  const Change change = change_of(model, json);
  Generation generation(model, {.decode = {.by = by, .room = 8}});
  const auto join = [&](std::vector<std::int32_t> prompt, const Change& own, std::int64_t max) {
    const StopRules stop{.max_new = max, .at_end_of_turn = AtEndOfTurn::go_on};
    generation.join({.prompt = std::move(prompt), .stop = stop, .change = own});
  };
  const Change others = others_are == Others::alike ? change : nullptr;
  join({5, 9, 7}, change, 24);
  generation.step();
  generation.step();
  join({8, 2, 6, 4, 11, 12, 3, 9, 5, 7, 8, 3, 6, 2, 4, 9, 12, 5, 10, 3, 7}, others, 5);
  for (int i = 0; i < 4; ++i) {  // the first text is padded now
    generation.step();
  }
  join({6, 4, 8}, others, 6);  // in the row of the one that has ended
  while (generation.step()) {
  }
  return {{generation.text(0), generation.text(1), generation.text(2)},
          change->fired().front().values};
}

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

TEST_CASE("changes by operations that are the same at every step are no reason for passes") {
  const Model model = load(huggingface_fixture("llama"));
  for (const std::string& json : recorded_changes()) {
    CAPTURE(json);
    const Written passes = written(model, json, 24, {.by = DecodeBy::passes});
    const Written placed = written(model, json, 24, {.by = DecodeBy::room, .room = 8});
    CHECK(placed.steps.passes == 0);
    CHECK(placed.fired == passes.fired);
    CHECK(passes.fired > 0);
    for (std::size_t t = 0; t < passes.text.tokens.size(); ++t) {
      CHECK(placed.text.tokens[t].token == passes.text.tokens[t].token);
      CHECK(placed.text.tokens[t].logprob == Approx(passes.text.tokens[t].logprob).margin(2e-5));
    }
  }
}

TEST_CASE("what a step is given follows its row and its room as longer texts join and leave") {
  const Model model = load(huggingface_fixture("llama"));
  for (const std::string& json : recorded_changes()) {
    for (const Others others : {Others::unchanged, Others::alike}) {
      CAPTURE(json, static_cast<int>(others));
      const auto [passes, fired] = beside_others(model, json, others, DecodeBy::passes);
      const auto [placed, counted] = beside_others(model, json, others, DecodeBy::room);
      CHECK(counted == fired);
      for (std::size_t text = 0; text < passes.size(); ++text) {
        CAPTURE(text);
        REQUIRE(placed[text].tokens.size() == passes[text].tokens.size());
        for (std::size_t t = 0; t < passes[text].tokens.size(); ++t) {
          const auto& [token, logprob, top] = passes[text].tokens[t];
          CHECK(placed[text].tokens[t].token == token);
          CHECK(placed[text].tokens[t].logprob == Approx(logprob).margin(2e-5));
        }
      }
    }
  }
}

TEST_CASE("steps run as passes where what watches or changes them is not the same each time") {
  const Model model = load(huggingface_fixture("llama"));
  Watch watch(Site::z);
  Generation watched(model, {.decode = {.by = DecodeBy::room}});
  watched.join({.prompt = {5, 9, 7}, .stop = {.max_new = 4}});
  watched.step(watch);
  CHECK(watched.steps().passes == 1);
  for (const std::string& json : unrecorded_changes()) {
    CAPTURE(json);
    const Written text = written(model, json, 3, {.by = DecodeBy::room});
    CHECK(text.steps.passes == 2);
    CHECK(!text.steps.why_passes.empty());
  }
}

// A GPU's recording would fail of it: the host may not wait for the device there.
TEST_CASE("a recorded step asks for no number that the device has, whatever changes it") {
  const Model model = load(huggingface_fixture("llama"));
  static thread_local int asked = 0;
  const auto record = [](const std::function<void()>& work) {
    asked = 0;
    const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(
        [](const at::RecordFunction& op) -> std::unique_ptr<at::ObserverContext> {
          const std::string name = op.name();
          asked += name == "aten::_local_scalar_dense" || name == "aten::nonzero" ? 1 : 0;
          return nullptr;
        }));
    work();
    at::removeCallback(handle);
  };
  CHECK(written(model, "", 3, recorded_by(record)).steps.recorded == 1);
  const int unchanged = asked;
  for (const std::string& json : recorded_changes()) {
    CAPTURE(json);
    CHECK(written(model, json, 3, recorded_by(record)).steps.recorded == 1);
    CHECK(asked == unchanged);
  }
}

TEST_CASE("a step that could not be recorded runs as a pass and counts once") {
  const Model model = load(huggingface_fixture("llama"));
  for (const std::string& json : recorded_changes()) {
    CAPTURE(json);
    const Written passes = written(model, json, 6, {.by = DecodeBy::passes});
    const auto late = [](const std::function<void()>& work) {
      work();
      throw std::runtime_error("no recording");
    };
    const auto early = [](const std::function<void()>&) {
      throw std::runtime_error("no recording");
    };
    for (const FakeGraph::Record& record : {FakeGraph::Record(late), FakeGraph::Record(early)}) {
      const Written failed = written(model, json, 6, recorded_by(record));
      CHECK(failed.steps.why_passes == "no recording");
      CHECK(failed.steps.in_room == 1);
      CHECK(failed.steps.passes == passes.steps.passes - 1);
      CHECK(failed.fired == passes.fired);
      for (std::size_t t = 0; t < passes.text.tokens.size(); ++t) {
        CHECK(failed.text.tokens[t].token == passes.text.tokens[t].token);
      }
    }
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

TEST_CASE("replayed steps under changes of every kind are what passes are") {
  need_gpu();
  const Model model = load_model(huggingface_fixture("llama").path.string(), {.device = cuda()});
  for (const std::string& json : recorded_changes()) {
    CAPTURE(json);
    const Written passes = written(model, json, 24, {.by = DecodeBy::passes});
    const Written replayed = written(model, json, 24, {.room = 8});
    CAPTURE(replayed.steps.why_passes);
    CHECK(replayed.steps.passes == 0);
    CHECK(replayed.steps.recorded == 4);  // rooms of 8, 16, 24 and 32 columns
    CHECK(replayed.steps.in_room + replayed.steps.replayed == 23);
    CHECK(replayed.fired == passes.fired);
    for (std::size_t t = 0; t < passes.text.tokens.size(); ++t) {
      CHECK(replayed.text.tokens[t].token == passes.text.tokens[t].token);
    }
  }
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
