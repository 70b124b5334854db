// Interventions as data, against the same changes in plain loops.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/intervention_tap.h"
#include "hooks/provenance.h"
#include "hooks/record.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::string> kChangedFamilies{
    "gpt2", "llama", "llama_linear_mqa", "gemma2", "gpt_neox", "qwen3"};

std::vector<Intervention> parsed(const std::string& list) {
  return interventions_from_json(Json::parse(R"({"version": 1, "interventions": )" + list + "}"),
                                 "edits.json");
}

// Prompts of 6, 3 and 5 tokens: padding of 0, 3 and 1 columns.
Batch three_prompts() {
  return Batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}, {14, 15, 16, 17, 18}});
}
constexpr std::int64_t kPads[] = {0, 3, 1};

struct BeforeAndAfter {
  Tensor before;  // the value with the passes before it unchanged
  Tensor after;
};

// The first point of a pass that changes shows both.
BeforeAndAfter value_at(const Model& model, const std::string& point, const std::string& list) {
  Recorder before(std::vector<std::string>{point});
  model.forward(three_prompts(), before);
  Recorder after(std::vector<std::string>{point});
  Edits edits(parsed(list));
  model.forward(three_prompts(), edits | after);
  return {before.at(point), after.at(point)};
}

// Each element of `before` through `f(row, column, head, i)`; must equal `after` bit for bit.
template <typename Function>
void check_elements(const BeforeAndAfter& values, const Function& f) {
  const Tensor want = values.before.clone();
  for (std::int64_t row = 0; row < want.size(0); ++row) {
    for (std::int64_t column = 0; column < want.size(1); ++column) {
      for (std::int64_t head = 0; head < want.size(2); ++head) {
        for (std::int64_t i = 0; i < want.size(3); ++i) {
          const Tensor one = want[row][column][head][i];
          one.fill_(f(row, column - kPads[row], head, i, one.item<float>()));
        }
      }
    }
  }
  CHECK(identical(values.after, want));
}

void write_json(const std::filesystem::path& path, const std::string& list) {
  std::ofstream(path) << R"({"version": 1, "interventions": )" << list << "}";
}

Model changed_by(const Model& model, const TempFolder& folder, const std::string& list) {
  write_json(folder.file("edits.json"), list);
  return intervened(model, folder.file("edits.json"));
}

}  // namespace

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
  Edits edits(parsed(list));
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

TEST_CASE("a uniform head attends alike to all it sees") {
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    Edits edits;
    edits.at("blocks.*.attn.hook_pattern", {.heads = {{1}}}).uniform();
    Recorder seen{"blocks.*.attn.hook_pattern"};
    model.forward(three_prompts(), edits | seen);
    for (int layer = 0; layer < model.config().n_layers; ++layer) {
      const std::int64_t window = model.config().layers[static_cast<std::size_t>(layer)].window;
      for (std::int64_t row = 0; row < 3; ++row) {
        const Tensor pattern = seen.at(hook_name(Site::pattern, layer), {.prompt = row, .head = 1});
        for (std::int64_t query = 0; query < pattern.size(0); ++query) {
          const std::int64_t first = window > 0 ? std::max<std::int64_t>(0, query - window + 1) : 0;
          Tensor want = at::zeros({pattern.size(1)}, at::kFloat);
          want.narrow(0, first, query + 1 - first)
              .fill_(1.0 / static_cast<double>(query + 1 - first));
          CHECK(difference(pattern[query], want) < 1e-6);
        }
      }
    }
  }
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
        model.forward(
            three_prompts(),
            Edits(parsed(R"([{"site": "blocks.0.attn.hook_v", "heads": [0], "op": "zero"}])"))),
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

TEST_CASE("masked and biased pairs of query and key, against softmax by hand") {
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string scores = "blocks.0.attn.hook_attn_scores";
    const std::string pattern = "blocks.0.attn.hook_pattern";
    Recorder plain{scores.c_str()};
    model.forward(three_prompts(), plain);
    Tensor want = plain.at(scores).clone();
    for (std::int64_t row = 0; row < 3; ++row) {
      const std::int64_t pad = kPads[row];
      want[row][1][pad + 2][pad + 1] = -std::numeric_limits<float>::infinity();
      for (std::int64_t query = 1; query < 6 - pad; ++query) {  // −1: the last token
        const bool last = query == 5 - pad;
        const float bias = last ? 1.5F : 0.0F;
        want[row][0][pad + query][pad] += bias;
      }
    }
    want = at::softmax(want, -1).nan_to_num(0.0);
    Edits edits(parsed(R"([{"site": "blocks.0.attn.hook_attn_scores", "heads": [1], "op": "mask",
                            "pairs": [[2, 1]]},
                           {"site": "blocks.0.attn.hook_attn_scores", "heads": [0], "op": "bias",
                            "pairs": [[-1, 0]], "bias": 1.5}])"));
    Recorder seen{pattern.c_str()};
    model.forward(three_prompts(), edits | seen);
    CHECK(difference(seen.at(pattern), want) < 1e-6);
    CHECK(edits.fired(0) == 1);
  }
}

TEST_CASE("pairs a query cannot see stay unseen, and a query is left one key") {
  const Model model = load(huggingface_fixture("llama"));
  Edits ahead(
      parsed(R"([{"site": "blocks.0.attn.hook_pattern", "op": "replace", "values": [1.0]}])"));
  Recorder seen{"blocks.0.attn.hook_pattern"};
  model.forward(three_prompts(), ahead | seen);
  const Tensor pattern = seen.at("blocks.0.attn.hook_pattern", {.prompt = 1});
  CHECK(identical(pattern[0], at::ones({3, 3}).tril()));
  Edits blind(parsed(R"([{"site": "blocks.0.attn.hook_attn_scores", "op": "mask",
                          "pairs": [[1, null]]}])"));
  CHECK_THROWS_WITH(model.forward(three_prompts(), blind),
                    contains("the query at position 1 of prompt 0 sees no key in head 0"));
}

TEST_CASE("in chunks, and through batches of prompts in another order, the same is changed") {
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string list =
        R"([{"site": "blocks.0.attn.hook_z", "positions": [4, -1], "op": "scale", "factor": 3},
            {"site": "blocks.0.hook_mlp_out", "op": "scale", "factor": 0.5},
            {"site": "blocks.0.attn.hook_attn_scores", "op": "bias", "bias": 2,
             "pairs": [[5, 1], [null, 2]]}])";
    const Batch one({{5, 6, 7, 8, 9, 10, 11}});
    const auto logits = [&](std::int64_t chunk) {
      Edits edits(parsed(list));
      return model.forward(one, edits, {.chunk = chunk}).logits;
    };
    CHECK(difference(logits(3), logits(0)) < 1e-5);
    CHECK(difference(logits(0), model.forward(one).logits) > 1e-4);

    Batch turned({{14, 15, 16, 17, 18}, {5, 6, 7, 8, 9, 10}});
    turned.number_prompts({2, 0});
    Edits second(parsed(R"([{"site": "blocks.0.attn.hook_z", "prompts": [2], "positions": [4],
                             "op": "zero"}])"));
    const Tensor got = model.forward(turned, second).logits;
    Edits same(parsed(R"([{"site": "blocks.0.attn.hook_z", "prompts": [0], "positions": [4],
                           "op": "zero"}])"));
    const Tensor want = model.forward(Batch({{14, 15, 16, 17, 18}}), same).logits;
    CHECK(difference(got[0].narrow(0, 1, 5), want[0]) < 1e-5);
    CHECK(difference(got[1], model.forward(Batch({{5, 6, 7, 8, 9, 10}})).logits[0]) < 1e-5);
  }
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

TEST_CASE("what is built fluently is data, and reads back as what it was") {
  Edits edits;
  edits.at("blocks.*.attn.hook_z", {.heads = {{1}}, .positions = {{-1}}}).scale(0.5);
  edits.at("blocks.0.attn.hook_attn_scores", {.pairs = {{{-1, 0}, {{}, 2}}}}).mask();
  edits.at("blocks.0.hook_resid_post").add(at::ones({2, 3}), -4.0);
  edits.at("blocks.0.hook_resid_post", {.prompts = {{0}}}).clamp(-1.0, {});
  edits.at("blocks.0.attn.hook_v", {.kv_heads = {{0}}}).zero();
  const OrderedJson json = to_json(edits.interventions());
  CHECK(to_json(interventions_from_json(Json::parse(json.dump()), "x")) == json);
  CHECK(json["interventions"][1]["pairs"].dump() == "[[-1,0],[null,2]]");
  CHECK(json["interventions"][2]["values"].dump() == "[[1.0,1.0,1.0],[1.0,1.0,1.0]]");
  edits.at("blocks.0.hook_resid_post").apply([](const Visit&, const Tensor& x) { return x; });
  CHECK_THROWS_AS(edits.interventions(), UsageError);
}

TEST_CASE("a file of interventions is read strictly") {
  const auto fails = [](const std::string& list, const std::string& message) {
    CAPTURE(list);
    CHECK_THROWS_WITH(parsed(list), contains(message));
  };
  const std::string z = R"({"site": "blocks.0.attn.hook_z", "op": )";
  fails("[" + z + R"("zero", "head": [0]}])", "unknown key \"head\"; did you mean heads");
  fails("[" + z + R"("zeros"}])", "intervention 0: op \"zeros\"");
  fails("[" + z + R"("scale"}])", "needs \"factor\"");
  fails("[" + z + R"("zero", "factor": 2}])", "unknown key \"factor\"");
  fails("[" + z + R"("zero", "heads": 3}])", "\"heads\" is not a list");
  fails("[" + z + R"("zero", "heads": [0.5]}])", "\"heads\" is not a list");
  fails("[" + z + R"("add", "values": [[1], [2, 3]]}])", "of one length");
  fails("[" + z + R"("add", "values": {"trace": "a", "name": "b"}}])", "\"trace\" or \"name\"");
  fails("[" + z + R"("mask", "pairs": [[1]]}])", "\"pairs\"");
  fails(R"([{"op": "zero"}])", "needs \"site\"");
  CHECK_THROWS_WITH(interventions_from_json(Json::parse(R"({"version": 2})"), "e.json"),
                    contains("e.json: \"version\""));
}

TEST_CASE("what a model does not have is refused before a pass, naming it") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto fails = [&](const std::string& list, const std::string& message) {
    CAPTURE(list);
    CHECK_THROWS_WITH(changed_by(model, folder, list), contains(message));
  };
  fails(R"([{"site": "blocks.0.attn.hook_zz", "op": "zero"}])", "did you mean");
  fails(R"([{"site": "blocks.*.attn.hook_z", "layers": [9], "op": "zero"}])", "layer 9");
  fails(R"([{"site": "blocks.0.attn.hook_z", "layers": [1], "op": "zero"}])", "of layer 1");
  fails(R"([{"site": "blocks.0.attn.hook_z", "heads": [99], "op": "zero"}])", "head 99");
  fails(R"([{"site": "blocks.0.attn.hook_z", "pairs": [[0, 0]], "op": "zero"}])", "no pairs");
  fails(R"([{"site": "blocks.0.attn.hook_z", "op": "mask"}])", "hook_attn_scores");
  fails(R"([{"site": "blocks.0.attn.hook_z", "op": "add"}])", "needs values");
  fails(R"([{"site": "blocks.0.attn.hook_z", "op": "clamp"}])", "low, high");
}

TEST_CASE("a changed model is the model with the edits, for whoever runs it") {
  const TempFolder folder;
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string list =
        R"([{"site": "blocks.0.hook_resid_pre", "op": "scale", "factor": 1.5},
            {"site": "blocks.1.hook_resid_pre", "op": "scale", "factor": 0.5, "positions": [-1]},
            {"site": "blocks.1.attn.hook_z", "heads": [0], "op": "zero"}])";
    const Model changed = changed_by(model, folder, list);
    Edits edits(parsed(list));
    Recorder want{"blocks.1.hook_resid_post"};
    const Tensor logits = model.forward(three_prompts(), edits | want).logits;
    Recorder got{"blocks.1.hook_resid_post"};
    CHECK(identical(changed.forward(three_prompts(), got).logits, logits));
    CHECK(identical(got.at("blocks.1.hook_resid_post"), want.at("blocks.1.hook_resid_post")));
    CHECK(identical(changed.forward(three_prompts()).logits, logits));
    CHECK_NOTHROW(changed.standing()->check_fired());
    // Who goes on from a kept stream cannot know whether it was changed already.
    const Tensor stream = changed.forward(three_prompts(), {.to_layer = 1}).residual;
    CHECK_THROWS_WITH(
        changed.resume({.layout = three_prompts().layout(), .residual = stream, .layer = 1}),
        contains("blocks.1.hook_resid_pre"));
  }
}

TEST_CASE("an intervention that no pass has met is an error naming it") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Model changed = changed_by(model,
                                   folder,
                                   R"([{"site": "blocks.0.attn.hook_z", "op": "zero"},
          {"site": "blocks.0.attn.hook_attn_scores", "op": "bias", "bias": 1, "pairs": [[1, 2]]}])");
  changed.forward(three_prompts());
  CHECK_THROWS_WITH(changed.standing()->check_fired(), contains("intervention 1 (bias of"));
}

TEST_CASE("of edits that select the same part none may undo another") {
  const Model model = load(huggingface_fixture("llama"));
  const auto run = [&](const std::string& list, std::int64_t chunk = 0) {
    Edits edits(parsed(list));
    model.forward(three_prompts(), edits, {.chunk = chunk});
  };
  const auto z = [](const std::string& more) {
    return R"({"site": "blocks.1.attn.hook_z", )" + more + "}";
  };
  const auto scores = [](const std::string& more) {
    return R"({"site": "blocks.0.attn.hook_attn_scores", )" + more + "}";
  };
  const std::string scale = z(R"("op": "scale", "factor": 2, "positions": [1])");
  for (const std::string& excluded :
       {scale + "," + z(R"("op": "zero")"),
        scale + "," + z(R"("op": "zero", "heads": [1])"),
        z(R"("op": "zero", "heads": [1, 2])") + "," + z(R"("op": "replace", "heads": [2, 3],
                                                          "values": [1.0])"),
        R"({"site": "blocks.*.attn.hook_z", "op": "replace", "values": [2.0]},)" +
            z(R"("op": "replace", "values": [1.0])"),
        scores(R"("op": "mask", "pairs": [[2, 1]])") + "," +
            scores(R"("op": "bias", "bias": 1, "heads": [0], "pairs": [[2, 1]])"),
        scores(R"("op": "mask", "pairs": [[2, 1]])") + "," +
            scores(R"("op": "clamp", "low": -1)")}) {
    CAPTURE(excluded);
    for (const std::int64_t chunk : {0, 2}) {
      CHECK_THROWS_WITH(run("[" + excluded + "]", chunk),
                        contains("intervention 0") && contains("intervention 1") &&
                            contains("select the same part"));
    }
  }
  for (const std::string& fine :
       {scale + "," + z(R"("op": "zero", "positions": [0, 2])"),
        z(R"("op": "zero", "heads": [1])") + "," + scale,  // nothing is lost in this order
        z(R"("op": "replace", "values": [2.0])") + "," +   // an exception
            z(R"("op": "replace", "values": [1.0], "heads": [2])"),
        scores(R"("op": "clamp", "low": -1)") + "," + scores(R"("op": "mask", "pairs": [[2, 1]])"),
        z(R"("op": "zero", "heads": [1])") + "," + z(R"("op": "zero", "heads": [1, 2])"),
        z(R"("op": "zero", "prompts": [0])") + "," +
            z(R"("op": "replace", "values": [1.0], "prompts": [1, 2])"),
        scores(R"("op": "mask", "pairs": [[2, 1]])") + "," +
            scores(R"("op": "bias", "bias": 1, "pairs": [[1, 1]])")}) {
    CAPTURE(fine);
    CHECK_NOTHROW(run("[" + fine + "]"));
    CHECK_NOTHROW(run("[" + fine + "]", 2));
  }
}

TEST_CASE("gradients of a changed model are slopes of its passes") {
  class OneGradient final : public GradientTap {
   public:
    explicit OneGradient(HookPoint point) : point_(point) {}
    [[nodiscard]] bool wants(HookPoint point) const override { return point == point_; }
    void visit(const Visit&, const Tensor&, const Tensor& gradient) override { found = gradient; }
    Tensor found;

   private:
    HookPoint point_;
  };
  const TempFolder folder;
  for (const std::string& family : kChangedFamilies) {
    const Model model = load(huggingface_fixture(family));
    const Model changed =
        changed_by(model,
                   folder,
                   R"([{"site": "blocks.0.hook_resid_pre", "op": "scale", "factor": 1.5},
            {"site": "blocks.1.hook_resid_pre", "op": "scale", "factor": 3},
            {"site": "blocks.1.attn.hook_z", "heads": [0], "op": "zero"}])");
    const Batch batch({{5, 6, 7, 8, 9}});
    const auto objective = [](const Tensor& logits) { return logits.select(1, 3); };
    for (const HookPoint point : {HookPoint{Site::mlp_out, 0},
                                  HookPoint{Site::resid_pre, 1},
                                  HookPoint{Site::resid_pre, 0},
                                  HookPoint{Site::embed, kNoLayer}}) {
      const std::string name = hook_name(point.site, point.layer);
      CAPTURE(family, name);
      OneGradient tap(point);
      const GradientResult result = gradients(changed, batch, objective, tap);
      CHECK(difference(result.logits, changed.forward(batch, {.logits = Logits::last}).logits) <
            1e-5);
      const Tensor step = tap.found / tap.found.norm() * 0.02;
      const auto moved = [&](double sign) {
        Edits edits;
        edits.at(name).add(step[0] * sign);
        return objective(changed.forward(batch, edits, {.logits = Logits::last}).logits)
            .item<double>();
      };
      const double slope = (moved(1) - moved(-1)) / 0.04;
      CHECK(slope == Approx(tap.found.norm().item<double>()).epsilon(0.02));
    }
  }
}

TEST_CASE("one tap changes positions of batches of other lengths one after another") {
  const Model model = load(huggingface_fixture("llama"));
  const std::string zeroed =
      R"([{"site": "blocks.0.hook_resid_mid", "positions": [0, -1], "op": "zero"}])";
  InterventionTap kept(std::make_shared<const InterventionPlan>(
      std::vector<EditStep>{{parsed(zeroed).front()}}, NamedValues(), model.config()));
  for (const auto& prompts : {std::vector<std::vector<std::int32_t>>{{5, 6, 7, 8}, {9, 10}},
                              {{5, 6}, {9, 10, 11, 12}},
                              {{5, 6, 7, 8}, {9, 10, 11}}}) {
    Edits fresh(parsed(zeroed));
    CHECK(identical(model.forward(Batch(prompts), kept).logits,
                    model.forward(Batch(prompts), fresh).logits));
  }
}
