// --intervene: the same analysis of a changed model, from the command line.
#include <algorithm>
#include <cmath>

#include "hooks/edits.h"
#include "hooks/trace/trace_reader.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr const char* kPrompts = "{\"tokens\": [5, 6, 7, 8]}\n{\"tokens\": [9, 10]}\n";
constexpr const char* kNoHead =
    R"({"version": 1, "interventions": [{"site": "blocks.1.attn.hook_z", "heads": [1], "op": "zero",
        "prompts": [1]}]})";

std::vector<std::string> recording(const Folder& folder, std::vector<std::string> more) {
  std::vector<std::string> words{"record",
                                 model_path("llama"),
                                 "--prompts",
                                 folder / "prompts.jsonl",
                                 "--hooks",
                                 "blocks.*.attn.hook_z",
                                 "-o",
                                 folder / "t.h5"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("predict --intervene gives the changed model's logits") {
  const Folder folder;
  put(folder / "edits.json",
      R"({"version": 1, "interventions": [{"site": "blocks.*.hook_mlp_out", "op": "zero"}]})");
  const std::string path = model_path("llama");
  const auto got = run({"predict",
                        path,
                        "--prompt",
                        "a b",
                        "--top",
                        "1",
                        "--json",
                        "--intervene",
                        folder / "edits.json"});
  REQUIRE(got.code == 0);
  CHECK(got.json()["interventions"]["interventions"][0]["site"] == "blocks.*.hook_mlp_out");
  const Model model = load_model(path, {});
  Edits edits;
  edits.at("blocks.*.hook_mlp_out").zero();
  const auto tokens = got.json()["tokens"].get<std::vector<std::int32_t>>();
  const Tensor logits = model.forward(Batch({tokens}), edits, {.logits = Logits::last}).logits[0];
  CHECK(got.json()["top"][0]["id"] == logits.argmax().item<std::int64_t>());
  CHECK(got.json()["top"][0]["probability"].get<double>() ==
        Approx(at::softmax(logits, 0).max().item<double>()).epsilon(1e-4));
}

TEST_CASE("record --intervene stores changed values and how; --resume asks for the same change") {
  const Folder folder;
  put(folder / "prompts.jsonl", kPrompts);
  put(folder / "edits.json", kNoHead);
  REQUIRE(run(recording(folder, {"--intervene", folder / "edits.json"})).code == 0);
  const TraceReader trace(folder / "t.h5");
  CHECK(trace.provenance()["interventions"]["interventions"][0]["op"] == "zero");
  CHECK(trace.provenance()["interventions_hash"].get<std::string>().starts_with("xxh3:"));
  const auto largest = [&](std::size_t prompt, std::int64_t head) {
    double most = 0.0;
    for (const float x : trace.read("blocks.1.attn.hook_z", prompt, head).values) {
      most = std::max(most, std::abs(static_cast<double>(x)));
    }
    return most;
  };
  CHECK(largest(1, 1) == 0.0);
  CHECK(largest(1, 0) > 0.0);
  CHECK(largest(0, 1) > 0.0);

  const auto without = run(recording(folder, {"--resume"}));
  CHECK(without.code == 2);
  CHECK(is_one_line(without.err));
  CHECK(without.err.find("interventions_hash") != std::string::npos);
  CHECK(run(recording(folder, {"--resume", "--intervene", folder / "edits.json"})).code == 0);
  put(folder / "edits.json", std::string(kNoHead) + "\n");
  CHECK(run(recording(folder, {"--resume", "--intervene", folder / "edits.json"})).code == 2);
}

TEST_CASE("interventions that cannot be, or never come to pass, end in one line") {
  const Folder folder;
  put(folder / "prompts.jsonl", kPrompts);
  const auto fails = [&](const std::string& list, int code, const std::string& message) {
    CAPTURE(list);
    put(folder / "edits.json", R"({"version": 1, "interventions": )" + list + "}");
    const auto got = run(recording(folder, {"--overwrite", "--intervene", folder / "edits.json"}));
    CHECK(got.code == code);
    CHECK(is_one_line(got.err));
    CHECK(got.err.find(message) != std::string::npos);
  };
  fails(R"([{"site": "blocks.0.attn.hook_z", "op": "zero", "prompts": [2]}])", 2, "never changed");
  fails(R"([{"site": "blocks.0.attn.hook_z", "op": "zero", "positions": [3]}])",
        2,
        "position 3 of prompt 1");
  fails(R"([{"site": "blocks.0.attn.hook_z", "op": "zer"}])", 3, "did you mean zero");
  fails(R"([{"site": "blocks.7.attn.hook_z", "op": "zero"}])", 3, "blocks.7");
}

TEST_CASE("reproduce --intervene refuses what its own prompts and statistics cannot follow") {
  const Folder folder;
  const auto fails = [&](const std::string& one, int code, const std::string& message) {
    CAPTURE(one);
    put(folder / "edits.json",
        R"({"version": 1, "interventions": [{"site": "blocks.0.attn.)" + one + "}]}");
    const auto got = run({"reproduce",
                          "induction",
                          "--model",
                          model_path("llama3_gqa_tied"),
                          "--intervene",
                          folder / "edits.json",
                          "-o",
                          folder / "out"});
    CHECK(got.code == code);
    CHECK(is_one_line(got.err));
    CHECK(got.err.find(message) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(folder / "out/circuits.json"));
  };
  fails(R"(hook_z", "op": "zero", "positions": [0])", 2, "positions mean nothing there");
  fails(R"(hook_pattern", "op": "uniform")", 2, "reads statistics of attention");
  fails(R"(hook_k", "op": "zero", "heads": [0])", 3, "select them as kv_heads");
}

TEST_CASE("intervene check says what a file will do and what it costs; schema is the schema") {
  const Folder folder;
  put(folder / "edits.json",
      R"({"version": 1, "edits": [
          {"site": "blocks.*.attn.hook_z", "heads": [0, 2], "op": "scale", "factor": 0.5,
           "apply": {"phase": "decode", "positions": {"text": "ab"}, "except": [3]}},
          {"site": "blocks.1.attn.hook_pattern", "op": "uniform"}]})");
  const auto got =
      run({"intervene", "check", folder / "edits.json", "--model", model_path("llama")});
  CAPTURE(got.err);
  REQUIRE(got.code == 0);
  CHECK_THAT(
      got.out,
      contains("multiplies blocks.*.attn.hook_z by 0.5") &&
          contains("heads 0, 2; tokens that the model writes of the text \"ab\", except at 3") &&
          contains("layers 0, 1, 2; attention stays fused") &&
          contains("leaves the fused path in 1 of 3 layers"));
  const auto json =
      run({"intervene", "check", folder / "edits.json", "--model", model_path("llama"), "--json"})
          .json()["interventions"];
  CHECK(json[0]["fused"] == true);
  CHECK(json[1]["layers_forming_scores"].dump() == "[1]");
  const auto schema = run({"intervene", "schema"});
  REQUIRE(schema.code == 0);
  const Json read = Json::parse(schema.out);
  std::vector<std::string> ops = read["$defs"]["intervention"]["properties"]["op"]["enum"];
  for (const std::string& op : ops) {
    CHECK(to_string(parse_op(op)) == op);
  }
  CHECK(std::string(to_string(Op::sae)) == ops.back());

  put(folder / "wrong.json",
      R"({"version": 1, "edits": [{"site": "blocks.1.attn.hook_zz", "op": "zero"}]})");
  const auto wrong =
      run({"intervene", "check", folder / "wrong.json", "--model", model_path("llama")});
  CHECK(wrong.code == 3);
  CHECK_THAT(wrong.err, contains("wrong.json: ") && contains("blocks.1.attn.hook_z"));
  CHECK(run({"intervene", "check", folder / "edits.json"}).code == 2);
  CHECK(run({"intervene", "schema", folder / "edits.json"}).code == 2);
  put(folder / "none.json", R"({"version": 1, "interventions": []})");
  CHECK_THAT(run({"intervene", "check", folder / "none.json", "--model", model_path("llama")}).out,
             contains("bit for bit"));
}
