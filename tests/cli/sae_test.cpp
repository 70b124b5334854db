// headscope sae from the command line.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::vector<std::string> sae_training(const Folder& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"sae",
                                 "train",
                                 model_path("llama"),
                                 "--site",
                                 "blocks.1.attn.hook_z",
                                 "--prompts",
                                 folder / "prompts.jsonl",
                                 "--d-sae",
                                 "48",
                                 "-k",
                                 "4",
                                 "--batch",
                                 "32",
                                 "--tokens",
                                 "640",
                                 "--threads",
                                 "1",
                                 "-o",
                                 folder / "sae"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string sae_prompt_lines() {
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    Json tokens = Json::array();
    for (int t = 0; t < 10; ++t) {
      tokens.push_back((37 * i + 11 * t * t + 5) % 200);
    }
    lines += Json{{"tokens", tokens}}.dump() + "\n";
  }
  return lines;
}

}  // namespace

TEST_CASE("sae train, info and eval, on a model and on a trace of it") {
  const Folder folder;
  put(folder / "prompts.jsonl", sae_prompt_lines());
  const auto trained = run(sae_training(folder));
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  const Json config = read_json(folder / "sae/cfg.json");
  CHECK(config["architecture"] == "topk");
  CHECK(config["metadata"]["hook_name"] == "blocks.1.attn.hook_z");
  CHECK(config["metadata"]["command_line"].get<std::string>().starts_with("headscope sae train"));
  CHECK(config["metadata"]["weights_hash"].get<std::string>().starts_with("xxh3:"));
  CHECK(contents(folder / "sae/index.html").find("FVU") != std::string::npos);
  CHECK(run(sae_training(folder)).code == 2);  // not without --overwrite or --resume
  CHECK(run(sae_training(folder, {"--resume"})).code == 0);
  CHECK(run({"sae", "info", folder / "sae"}).out.find("topk") != std::string::npos);

  const auto live = run({"sae",
                         "eval",
                         folder / "sae",
                         model_path("llama"),
                         "--prompts",
                         folder / "prompts.jsonl",
                         "--json"});
  REQUIRE(live.code == 0);
  REQUIRE(run({"record",
               model_path("llama"),
               "--prompts",
               folder / "prompts.jsonl",
               "--hooks",
               "blocks.1.attn.hook_z",
               "-o",
               folder / "z.h5"})
              .code == 0);
  const auto stored = run({"sae", "eval", folder / "sae", folder / "z.h5", "--json"});
  REQUIRE(stored.code == 0);
  const Json a = Json::parse(live.out);
  const Json b = Json::parse(stored.out);
  CHECK(a["fvu"].get<double>() == Approx(b["fvu"].get<double>()).epsilon(1e-4));
  CHECK(a["l0"].get<double>() == Approx(b["l0"].get<double>()).epsilon(1e-2));
  CHECK(a["tokens"] == 120);
  CHECK(a.contains("loss_recovered"));

  auto from_trace = sae_training(folder, {"--overwrite"});
  from_trace[2] = folder / "z.h5";
  from_trace.erase(from_trace.begin() + 5, from_trace.begin() + 7);
  CHECK(run(from_trace).code == 0);
}

TEST_CASE("sae: what is wrong is one line") {
  const Folder folder;
  put(folder / "prompts.jsonl", sae_prompt_lines());
  REQUIRE(run(sae_training(folder)).code == 0);
  REQUIRE(run({"record",
               model_path("llama"),
               "--prompts",
               folder / "prompts.jsonl",
               "--hooks",
               "blocks.0.mlp.hook_post",
               "-o",
               folder / "r.h5"})
              .code == 0);
  const std::vector<std::pair<std::vector<std::string>, int>> wrong{
      {sae_training(folder, {"--overwrite", "--arch", "tpk"}), 2},
      {sae_training(folder, {"--overwrite", "-k", "49"}), 2},
      {sae_training(folder, {"--overwrite", "--batch", "4000"}), 2},
      {{"sae", "eval", folder / "sae", folder / "r.h5"}, 2},  // without the site
      {{"sae", "eval", folder / "sae", folder / "r.h5", "--site", "blocks.0.mlp.hook_post"}, 2},
      {{"sae", "eval", folder / "sae", model_path("llama"), "--site", "blocks.0.mlp.hook_post"}, 2},
      {{"sae", "eval", folder / "nothing", model_path("llama")}, 3},
      {{"sae", "info", folder / "nothing"}, 3}};
  for (const auto& [words, code] : wrong) {
    const auto result = run(words);
    INFO(words[1] << " " << words.back() << ": " << result.err);
    CHECK(result.code == code);
    CHECK(is_one_line(result.err));
  }
}

TEST_CASE("sae patch is a sweep of features: a file, resumed to itself, and refusals") {
  const Folder folder;
  put(folder / "prompts.jsonl", sae_prompt_lines());
  REQUIRE(run(sae_training(folder)).code == 0);
  put(folder / "task.jsonl",
      R"({"clean_tokens": [5, 6, 7, 8], "corrupted_tokens": [5, 9, 7, 8], "answer_tokens": [11], )"
      R"("wrong_tokens": [12]})"
      "\n");
  const auto patch = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"sae",
                                   "patch",
                                   model_path("llama"),
                                   "--sae",
                                   folder / "sae",
                                   "--task",
                                   folder / "task.jsonl"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  const Outcome whole = patch({"--most", "3", "-o", folder / "f.h5", "--json"});
  CAPTURE(whole.err);
  REQUIRE(whole.code == 0);
  const auto json = whole.json();
  CHECK(json["kind"] == "sae-patch");
  CHECK(json["axes"][0]["labels"].size() == 1);
  CHECK(json["axes"][1]["name"] == "feature");
  CHECK(json["cells"].size() <= 3);
  CHECK(patch({"--most", "3", "-o", folder / "f.h5", "--resume"}).code == 0);
  CHECK_THAT(patch({"--features", "0,1", "-o", folder / "f.h5", "--resume"}).err,
             contains("features"));
  CHECK_THAT(patch({"--features", "0,x"}).err, contains("--features x: not a number"));
  CHECK_THAT(patch({"--features", "99999"}).err, contains("no feature 99999"));
}
