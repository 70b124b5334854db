// niah and compare, as a user runs them.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

bool niah_says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

std::string prompts_file(const Folder& folder) {
  std::string lines;
  for (int i = 0; i < 4; ++i) {
    std::string tokens = "1";
    for (int t = 0; t < 20 + i; ++t) {
      tokens += fmt::format(", {}", 10 + (t * t + i) % 13);
    }
    lines +=
        fmt::format("{{\"id\": \"p{}\", \"tokens\": [{}], \"spans\": {{\"needle\": [1, {}]}}}}\n",
                    i,
                    tokens,
                    21 + i);
  }
  put(folder / "p.jsonl", lines);
  return folder / "p.jsonl";
}

Outcome niah(const Folder& folder,
             const std::vector<std::string>& more,
             const std::string& model = "llama3_gqa_tied") {
  std::vector<std::string> words{
      "niah", model_path(model), "--prompts", prompts_file(folder), "--max-new", "6"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

std::string heads_file(const Folder& folder) {
  put(folder / "ranking.json",
      R"({"n_layers": 3, "n_heads": 4, "heads": [{"layer": 1, "head": 2, "score": 1}]})");
  return folder / "ranking.json";
}

OrderedJson without_times(OrderedJson json) {
  json.erase("seconds");
  json.erase("provenance");
  return json;
}

}  // namespace

TEST_CASE("niah --prompts: JSON, files and a masked run agree; compare reads what it wrote") {
  const Folder folder;
  const Outcome outcome = niah(
      folder,
      {"-o", folder / "n.json", "--json", "--mask-heads", "top:2", "--heads", heads_file(folder)});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  const OrderedJson json = outcome.json();
  CHECK(json["cells"].size() == 8);  // 4 prompts, unmasked and masked
  CHECK(json["masks"].size() == 2);
  CHECK((json["n_layers"] == 3 && json["n_heads"] == 4));
  CHECK(without_times(OrderedJson::parse(contents(folder / "n.json"))) == without_times(json));
  CHECK(niah_says(contents(folder / "n.heads.svg"), "<svg"));
  REQUIRE(run({"export", folder / "n.json", "-o", folder / "cells.csv"}).code == 0);
  const std::string table = contents(folder / "cells.csv");
  CHECK(std::count(table.begin(), table.end(), '\n') >= 9);  // responses may hold more
  CHECK(niah_says(table, "\n\"p0\","));
  REQUIRE(run({"export", folder / "n.json", "--format", "svg", "-o", folder / "out"}).code == 0);
  for (const char* name : {"out/n.svg", "out/n.top-2.svg", "out/n.heads.svg"}) {
    CHECK(niah_says(contents(folder / name), "<svg"));
  }
  CHECK(run({"export", folder / "n.json", "-o", folder / "one.png"}).code == 2);
  std::int64_t passed = 0;
  for (const auto& cell : json["cells"]) {
    passed += cell["mask"] == "none" && cell["passed"].get<bool>() ? 1 : 0;
  }
  CHECK(json["passed"] == passed);
  if (passed > 0) {
    const auto scores = OrderedJson::parse(contents(folder / "n.heads.json"));
    CHECK(scores.size() == 12);
    CHECK(scores["2-3"].size() == static_cast<std::size_t>(passed));
    const auto same = run({"compare", folder / "n.heads.json", folder / "n.json", "--json"}).json();
    CHECK(same["overlap"][0]["both"] == 5);
  }
}

TEST_CASE("niah --resume goes on where a run was stopped and refuses another") {
  const Folder folder;
  const auto whole = niah(folder, {"-o", folder / "whole.json", "--json"}).json();
  REQUIRE(niah(folder, {"-o", folder / "n.json"}).code == 0);
  // As a killed run leaves it: some samples, the last of them torn.
  const std::string log = contents(folder / "n.samples.jsonl");
  std::size_t at = 0;
  for (int line = 0; line < 3; ++line) {
    at = log.find('\n', at) + 1;
  }
  put(folder / "n.samples.jsonl", log.substr(0, at + 20));
  std::filesystem::remove(folder / "n.json");
  const Outcome resumed = niah(folder, {"-o", folder / "n.json", "--resume", "--json"});
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(without_times(resumed.json()) == without_times(whole));

  const Outcome other =
      niah(folder, {"-o", folder / "n.json", "--resume", "--top-k-positions", "2"});
  CHECK(other.code == 2);
  CHECK(niah_says(other.err, "top_k_positions"));
  const Outcome model = niah(folder, {"-o", folder / "n.json", "--resume"}, "llama");
  CHECK(model.code == 2);
  CHECK(niah_says(model.err, "weights_hash"));
  CHECK(niah(folder, {"-o", folder / "n.json"}).code == 2);  // it is there
  CHECK(niah(folder, {"-o", folder / "n.json", "--overwrite"}).code == 0);
}

TEST_CASE("a niah that cannot be ends with one clear line") {
  const Folder folder;
  put(folder / "bad.jsonl", "{\"tokens\": [1, 2, 3]}\n");
  put(folder / "lost.jsonl", "{\"text\": \"some text here\", \"answer\": \"zebra quagga\"}\n");
  put(folder / "short.txt", "A short text. It ends.\n");
  put(folder / "kv.json", R"({"space": "kv", "heads": [{"layer": 2, "head": 3, "score": 1}]})");
  const std::string model = model_path("llama3_gqa_tied");
  const std::string texts = model_path("llama");  // has a tokenizer
  struct Bad {
    std::vector<std::string> words;
    int code;
    std::string says;
  };
  const std::vector<Bad> all{
      {{"niah", model, "--contexts", "512"}, 2, "longer than the 128"},
      {{"niah", texts, "--contexts", "512", "--haystack", folder / "short.txt", "--allow-beyond"},
       2,
       "--haystack"},
      {{"niah", model, "--contexts", "abc"}, 2, "abc"},
      {{"niah", texts, "--contexts", "100", "--depths", "0,101"}, 2, "101"},
      {{"niah", texts, "--contexts", "100"}, 2, "too short"},
      {{"niah", texts, "--contexts", "100", "--template", "chat"}, 2, "im_start"},
      {{"niah", model, "--mask-heads", "best"}, 2, "top:K"},
      {{"niah", model, "--mask-heads", "top:2", "--mask-mode", "none"}, 2, "decode-uniform"},
      {{"niah", model, "--resume"}, 2, "-o"},
      {{"niah", model, "--prompts", folder / "bad.jsonl"}, 3, "bad.jsonl:1"},
      {{"niah", texts, "--prompts", folder / "lost.jsonl"}, 3, "needle not found"},
      {{"niah", model, "--prompts", folder / "none.jsonl"}, 3, "none.jsonl"},
      {{"niah", model, "--prompts", prompts_file(folder), "--haystack", folder / "short.txt"},
       2,
       "--prompts"},
      {{"niah",
        model,
        "--prompts",
        prompts_file(folder),
        "--mask-heads",
        "top:2",
        "--heads",
        folder / "kv.json"},
       2,
       "KV heads"},
      {{"niah",
        model,
        "--prompts",
        prompts_file(folder),
        "--mask-heads",
        "random:12",
        "--heads",
        heads_file(folder)},
       2,
       "never"},
      {{"compare", folder / "kv.json", heads_file(folder)}, 2, "--kv max"},
      {{"compare", folder / "short.txt", heads_file(folder)}, 3, "short.txt"},
  };
  for (const auto& [words, code, text] : all) {
    const Outcome outcome = run(words);
    CAPTURE(words, outcome.err);
    CHECK(outcome.code == code);
    CHECK(is_one_line(outcome.err));
    CHECK(niah_says(outcome.err, text));
  }
}

TEST_CASE("smollm2 finds our needles, and its best heads are what it finds them with") {
  cached_model();
  const Folder folder;
  const Outcome outcome = run({"niah",
                               "smollm2",
                               "--template",
                               "chat",
                               "--contexts",
                               "320",
                               "--depths",
                               "0,50,100",
                               "-o",
                               folder / "n.json",
                               "--mask-heads",
                               "top:20",
                               "--max-new",
                               "25",
                               "--json"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  const OrderedJson json = outcome.json();
  CHECK(json["passed"].get<int>() >= 7);  // of 9
  CHECK(json["strong_heads"].get<int>() >= 1);
  CHECK(json["masks"][1]["recall"].get<double>() < json["masks"][0]["recall"].get<double>() - 20);
  CHECK(niah_says(contents(folder / "n.accuracy.svg"), "<svg"));
  const auto scores = OrderedJson::parse(contents(folder / "n.heads.json"));
  CHECK(scores.size() == 270);
  const Outcome text = run({"compare", folder / "n.heads.json", folder / "n.json"});
  CHECK(niah_says(text.out, "Pearson"));
}
