// Interventions as data, against the same changes in plain loops.
#include <algorithm>

#include <fmt/format.h>

#include "hooks/intervention_tap.h"
#include "hooks/provenance.h"
#include "hooks/record.h"
#include "tests/hooks/changed_values.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("ops change the selected heads, positions and prompts as a plain loop does") {
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string z = "blocks.1.attn.hook_z";
    check_elements(
        value_at(model, z, R"([{"site": "blocks.*.attn.hook_z", "layers": [1], "heads": [0],
                                "positions": [-1, 0], "prompts": [0, 1], "op": "zero"}])"),
        [](auto row, auto position, auto head, auto, float x) {
          const bool last = position == (row == 0 ? 5 : 2);
          return row < 2 && head == 0 && (position == 0 || last) ? 0.0F : x;
        });
    check_elements(
        value_at(model, z, R"([{"site": "blocks.1.attn.hook_z", "op": "scale", "factor": -2,
                                "prompts": [2]},
                               {"site": "blocks.1.attn.hook_z", "op": "clamp", "low": -0.01,
                                "high": 0.02, "heads": [1]}])"),
        [](auto row, auto, auto head, auto, float x) {
          const float scaled = row == 2 ? x * -2.0F : x;
          return head == 1 ? std::min(std::max(scaled, -0.01F), 0.02F) : scaled;
        });
  }
}

TEST_CASE("steps that come to one are one, in each layer those of that layer, each counted") {
  const Model model = load(huggingface_fixture("llama"));
  const std::string list =
      R"([{"site": "blocks.*.attn.hook_z", "heads": [0], "prompts": [1], "op": "zero"},
          {"site": "blocks.1.attn.hook_z", "heads": [2], "prompts": [0], "op": "zero"},
          {"site": "blocks.1.attn.hook_z", "heads": [3], "op": "scale", "factor": 2}])";
  Edits edits(listed_interventions(list));
  Recorder seen{"blocks.0.attn.hook_z", "blocks.1.attn.hook_z"};
  model.forward(three_prompts(), edits | seen);
  const auto is_zero = [&](int layer, std::int64_t prompt, std::int64_t head) {
    const Tensor z = seen.at(hook_name(Site::z, layer), {.prompt = prompt, .head = head});
    return z.abs().max().item<float>() == 0.0F;
  };
  for (std::int64_t prompt = 0; prompt < 3; ++prompt) {
    for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
      CAPTURE(prompt, head);
      CHECK(is_zero(0, prompt, head) == (prompt == 1 && head == 0));
      CHECK(is_zero(1, prompt, head) == ((prompt == 1 && head == 0) || (prompt == 0 && head == 2)));
    }
  }
  CHECK(edits.fired(0) == model.config().n_layers);
  CHECK(edits.fired(1) == 1);
  CHECK(edits.fired(2) == 1);
}

TEST_CASE("heads of keys and values are selected as kv_heads, also where they are shared") {
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::int64_t last = model.config().n_kv_heads - 1;
    const std::string list =
        fmt::format(R"([{{"site": "blocks.0.attn.hook_v", "kv_heads": [{}], "positions": [1],
                          "op": "scale", "factor": 3}}])",
                    last);
    check_elements(value_at(model, "blocks.0.attn.hook_v", list),
                   [&](auto, auto position, auto head, auto, float x) {
                     return head == last && position == 1 ? x * 3.0F : x;
                   });
    CHECK_THROWS_WITH(
        model.forward(three_prompts(),
                      Edits(listed_interventions(
                          R"([{"site": "blocks.0.attn.hook_v", "heads": [0], "op": "zero"}])"))),
        contains("kv_heads"));
  }
}

TEST_CASE("numbers are added, put in place and projected out") {
  const Model model = load(huggingface_fixture("llama"));
  const auto d = model.config().d_head;
  OrderedJson numbers = OrderedJson::array();
  std::vector<double> v;
  for (std::int64_t i = 0; i < d; ++i) {
    v.push_back(0.25 * static_cast<double>(i % 3) + 0.5);
    numbers.push_back(v.back());
  }
  const std::string text = numbers.dump();
  const std::string z = "blocks.1.attn.hook_z";
  check_elements(
      value_at(model,
               z,
               R"([{"site": "blocks.1.attn.hook_z", "op": "replace", "heads": [0], "values": )" +
                   text +
                   R"(}, {"site": "blocks.1.attn.hook_z", "op": "add", "factor": 2, "heads": [0],
                          "positions": [2], "values": )" +
                   text + "}]"),
      [&](auto, auto position, auto head, auto i, float x) {
        const auto own = static_cast<float>(v[static_cast<std::size_t>(i)]);
        return head == 0 ? (position == 2 ? own + own * 2.0F : own) : x;
      });
  const BeforeAndAfter out = value_at(
      model,
      z,
      R"([{"site": "blocks.1.attn.hook_z", "op": "project_out", "values": )" + text + "}]");
  const Tensor direction = at::tensor(v, at::kFloat);
  const Tensor along = (out.before * direction).sum(-1, true) / direction.pow(2).sum();
  CHECK(difference(out.after, out.before - along * direction) < 1e-6);
  CHECK((out.after * direction).sum(-1).abs().max().item<double>() < 1e-5);
}

TEST_CASE("values of a trace: its mean over prompts and positions, and one prompt's by position") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const std::string z = "blocks.1.attn.hook_z";
  RecordOptions options;
  options.hooks = {z};
  options.provenance = provenance(model, {.command_line = "test"});
  record(model,
         {{"a", "", {20, 21, 22, 23, 24, 25}, {}}, {"b", "", {26, 27}, {}}},
         folder.file("t.h5"),
         options);
  Recorder whole(std::vector<std::string>{z});
  model.forward(Batch({{20, 21, 22, 23, 24, 25}}), whole);
  const Tensor a = whole.at(z)[0];
  model.forward(Batch({{26, 27}}), whole);
  const Tensor mean = at::cat({a, whole.at(z)[0]}).to(at::kDouble).mean(0).to(at::kFloat);

  write_json(folder.file("edits.json"),
             R"([{"site": "blocks.1.attn.hook_z", "heads": [0], "op": "mean",
                  "values": {"trace": "t.h5"}},
                 {"site": "blocks.1.attn.hook_z", "heads": [1], "op": "resample",
                  "values": {"trace": "t.h5", "prompt": "a"}}])");
  Edits edits(read_interventions(folder.file("edits.json")));
  Recorder before(std::vector<std::string>{z});
  model.forward(three_prompts(), before);
  Recorder after(std::vector<std::string>{z});
  model.forward(three_prompts(), edits | after);
  for (std::int64_t row = 0; row < 3; ++row) {
    const std::int64_t length = 6 - kPads[row];
    const Tensor own = after.at(z, {.prompt = row});
    CHECK(difference(own.select(1, 0), mean[0].expand({length, -1})) < 1e-6);
    CHECK(difference(own.select(1, 1), a.narrow(0, 0, length).select(1, 1)) < 1e-6);
    CHECK(identical(own.select(1, 2), before.at(z, {.prompt = row}).select(1, 2)));
  }

  const auto fails = [&](const std::string& values, const std::string& message) {
    Edits wrong(interventions_from_json(
        Json::parse(R"({"version": 1, "interventions": [{"site": "blocks.1.attn.hook_z",
                        "op": "resample", "values": )" +
                    values + "}]}"),
        "edits.json",
        folder.file("")));
    CHECK_THROWS_WITH(model.forward(three_prompts(), wrong), contains(message));
  };
  fails(R"({"trace": "t.h5", "prompt": "b"})", "the stored prompt has 2 tokens");
  fails(R"({"trace": "t.h5", "prompt": "c"})", "no prompt has the id \"c\"");
  fails(R"({"trace": "t.h5", "prompt": "a", "point": "blocks.0.attn.hook_z"})",
        "blocks.0.attn.hook_z");
  fails(R"({"name": "steer"})", "nothing of this name is in memory");
}

TEST_CASE("one tap changes positions of batches of other lengths one after another") {
  const Model model = load(huggingface_fixture("llama"));
  const std::string zeroed =
      R"([{"site": "blocks.0.hook_resid_mid", "positions": [0, -1], "op": "zero"}])";
  InterventionTap kept(std::make_shared<const InterventionPlan>(
      std::vector<EditStep>{{listed_interventions(zeroed).front()}},
      NamedValues(),
      model.config()));
  for (const auto& prompts : {std::vector<std::vector<std::int32_t>>{{5, 6, 7, 8}, {9, 10}},
                              {{5, 6}, {9, 10, 11, 12}},
                              {{5, 6, 7, 8}, {9, 10, 11}}}) {
    Edits fresh(listed_interventions(zeroed));
    CHECK(identical(model.forward(Batch(prompts), kept).logits,
                    model.forward(Batch(prompts), fresh).logits));
  }
}
