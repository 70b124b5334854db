// headscope steer from the command line.
#include <algorithm>
#include <sstream>

#include "hooks/direction.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::string twelve_pairs() {
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    lines += "{\"prompt\": \"a b" + std::to_string(i) +
             "\", \"positive\": \" c\", \"negative\": \" d\"}\n";
  }
  return lines;
}

std::vector<std::string> fitting(const Folder& folder, const std::string& method) {
  return {"steer",
          "fit",
          method,
          model_path("llama"),
          "--data",
          folder / "pairs.jsonl",
          "-o",
          folder / "d",
          "--threads",
          "1"};
}

}  // namespace

TEST_CASE("steer fit makes a direction that any verb applies, eval and sweep judge it") {
  const Folder folder;
  put(folder / "pairs.jsonl", twelve_pairs());
  const auto fit = run(fitting(folder, "mean-diff"));
  REQUIRE(fit.code == 0);
  CHECK(fit.out.find("--intervene") != std::string::npos);
  const Json made = read_json(folder / "d/direction.json")["made"];
  CHECK(made["command_line"].get<std::string>().starts_with("headscope steer fit mean-diff"));
  CHECK(made["data"]["items"] == 12);
  CHECK(run(fitting(folder, "mean-diff")).code == 2);  // not without --overwrite

  const auto predicted = run({"predict",
                              model_path("llama"),
                              "--prompt",
                              "a b",
                              "--intervene",
                              folder / "d/edits.json",
                              "--json"});
  CHECK(predicted.code == 0);
  const auto other = run(
      {"predict", model_path("qwen3"), "--prompt", "a b", "--intervene", folder / "d/edits.json"});
  CHECK(other.code == 3);
  CHECK(is_one_line(other.err));

  const std::vector<std::string> judged{"--edits",
                                        folder / "d/edits.json",
                                        "--task",
                                        folder / "pairs.jsonl",
                                        "--text-tokens",
                                        "64",
                                        "--json"};
  std::vector<std::string> words{"steer", "eval", model_path("llama"), "--draws", "3"};
  words.insert(words.end(), judged.begin(), judged.end());
  const auto eval = run(words);
  REQUIRE(eval.code == 0);
  CHECK(eval.json()["random"].size() == 3);
  CHECK(eval.json()["control"] == "random directions");

  words = {"steer", "sweep", model_path("llama"), "--strength", "-1:1:1", "-o", folder / "s.jsonl"};
  words.insert(words.end(), judged.begin(), judged.end());
  const auto sweep = run(words);
  REQUIRE(sweep.code == 0);
  REQUIRE(sweep.json()["strengths"].size() == 3);
  CHECK(sweep.json()["strengths"][1]["kl"].get<double>() == Approx(0.0).margin(1e-6));
  CHECK(sweep.json()["strengths"][2]["effect"]["mean"].get<double>() ==
        Approx(eval.json()["effect"]["mean"].get<double>()));
  CHECK(contents(folder / "s.svg").starts_with("<svg"));
  const std::string kept = contents(folder / "s.jsonl");
  CHECK(run(words).code == 2);  // it is there
  words.emplace_back("--resume");
  CHECK(run(words).json() == sweep.json());
  CHECK(contents(folder / "s.jsonl") == kept);
}

TEST_CASE("steer lists its methods, and says in one line what is missing or wrong") {
  const Folder folder;
  const auto list = run({"steer", "list", "--json"});
  REQUIRE(list.code == 0);
  CHECK(list.json()["methods"][0]["method"] == "mean-diff");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"steer", "list"}, {"steer", "list", "act"}}) {
    std::istringstream text(run(words).out);
    for (std::string line; std::getline(text, line);) {
      CAPTURE(line);
      const auto letters = std::count_if(line.begin(), line.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;  // that begin one, in UTF-8
      });
      CHECK(letters <= 80);
    }
  }
  CHECK(run({"steer", "list", "act"}).out.find("arXiv:2406.15765") != std::string::npos);
  put(folder / "pairs.jsonl", twelve_pairs());
  put(folder / "broken.jsonl", "{\"prompt\": 1}\n");
  const auto fails =
      [&](const std::vector<std::string>& words, int code, const std::string& message) {
        CAPTURE(words);
        const auto got = run(words);
        CHECK(got.code == code);
        CHECK(is_one_line(got.err));
        CHECK(got.err.find(message) != std::string::npos);
      };
  fails({"steer", "fit", "iti"}, 2, "METHOD MODEL");
  fails({"steer", "list", "pcaa"}, 2, "did you mean pca");
  fails(fitting(folder, "mean"), 2, "there is mean-diff, pca");
  auto words = fitting(folder, "iti");
  words.insert(words.end(), {"--layers", "1"});
  fails(words, 2, "iti does not read --layers");
  words = fitting(folder, "mean-diff");
  words.insert(words.end(), {"--alpha", "nan"});
  fails(words, 2, "a finite number");
  words = fitting(folder, "pca");
  words[5] = folder / "broken.jsonl";
  fails(words, 3, "broken.jsonl:1");
  words[5] = folder / "none.jsonl";
  fails(words, 3, "none.jsonl");
  fails({"steer", "eval", model_path("llama"), "--task", folder / "pairs.jsonl"}, 2, "--edits");
  put(folder / "edits.json",
      R"({"version": 1, "interventions": [{"site": "blocks.0.hook_mlp_out", "op": "replace", "values": [1]}]})");
  fails({"steer",
         "sweep",
         model_path("llama"),
         "--edits",
         folder / "edits.json",
         "--task",
         folder / "pairs.jsonl"},
        2,
        "has no strength");
}
