// Documents of interventions: what is written, read and refused.
#include "lib/base/error.h"
#include "tests/hooks/changed_values.h"

using namespace headscope;
using namespace headscope::test;

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
    CHECK_THROWS_WITH(listed_interventions(list), contains(message));
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
  fails("[" + z + R"("scale", "factor": 1, "value": 2}])", "\"value\" are the same");
  fails("[" + z + R"("scale", "value": 1, "strength": 2}])", "\"strength\" are the same");
  fails("[" + z + R"("zero", "value": 2}])", "unknown key \"value\"");
  fails("[" + z + R"("add", "values": [1], "value": 2}])", "unknown key \"value\"");
  CHECK_THROWS_WITH(interventions_from_json(Json::parse(R"({"version": 2})"), "e.json"),
                    contains("e.json: \"version\""));
}

TEST_CASE("the number of an op of one number may be called its value") {
  const auto one = [](const std::string& rest) {
    return to_json(
        listed_interventions(R"([{"site": "blocks.0.attn.hook_attn_scores", )" + rest + "}]"));
  };
  for (const auto& [op, name] : {std::pair{"bias", "bias"},
                                 {"renormalize", "factor"},
                                 {"scale", "factor"},
                                 {"temperature", "temperature"}}) {
    CAPTURE(op);
    const OrderedJson told = one(fmt::format(R"("op": "{}", "value": 0.5)", op));
    CHECK(told["interventions"][0][name] == 0.5);
    CHECK(told == one(fmt::format(R"("op": "{}", "{}": 0.5)", op, name)));
  }
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

TEST_CASE("of edits that select the same part none may undo another") {
  const Model model = load(huggingface_fixture("llama"));
  const auto run = [&](const std::string& list, std::int64_t chunk = 0) {
    Edits edits(listed_interventions(list));
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
