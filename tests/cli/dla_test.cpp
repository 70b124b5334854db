// dla, as a user runs it, and its result as inspect and export show it.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analyses/results/result_store.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::string task_file(const Folder& folder, const std::string& wrong) {
  std::string lines;
  for (int i = 0; i < 6; ++i) {
    lines += fmt::format(
        "{{\"clean_tokens\": [1, {}, 3, 4, 5], \"corrupted_tokens\": [1, {}, 3, 6, 5], "
        "\"answer_tokens\": [{}]{}}}\n",
        10 + i,
        10 + i,
        20 + i,
        wrong.empty() || (wrong == "some" && i == 4)
            ? ""
            : fmt::format(", \"wrong_tokens\": [{}]", 30 + i));
  }
  put(folder / ("task" + wrong + ".jsonl"), lines);
  return folder / ("task" + wrong + ".jsonl");
}

Outcome dla(const Folder& folder,
            const std::string& model,
            const std::vector<std::string>& more,
            const std::string& wrong = "all") {
  std::vector<std::string> words{"dla", model_path(model), "--task", task_file(folder, wrong)};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

bool dla_says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("dla: table, JSON, file, inspect and export agree, and the parts sum to the whole") {
  const Folder folder;
  const auto json =
      dla(folder, "gpt2", {"-o", folder / "d.h5", "--json", "--per-prompt", "--top", "3"}).json();
  const Result result = read_result(folder / "d.h5");
  CHECK(result.complete());
  CHECK(result.header.kind == "dla");
  const auto layers = static_cast<std::size_t>(result.header.axes[0].size() - 2);
  const auto heads = static_cast<std::size_t>(result.header.axes[1].size() - 4);
  REQUIRE(json["cells"].size() == layers * (heads + 2) + 3);
  CHECK(json["strongest"].size() == 3);
  double sum = 0.0;
  for (const auto& cell : json["cells"]) {
    double mean = 0.0;
    for (const auto& value : cell["per_prompt"]) {
      mean += value.get<double>() / 6;
    }
    CHECK(cell["effect"]["mean"].get<double>() == Approx(mean).margin(1e-12));
    CHECK(cell["normalized"].is_null());
    sum += mean;
  }
  const auto& totals = json["totals"];
  CHECK(totals["sum"]["mean"].get<double>() == Approx(sum).margin(1e-9));
  CHECK(totals["model"]["mean"] == json["baseline"]["clean"]["mean"]);
  CHECK(sum == Approx(totals["model"]["mean"].get<double>()).margin(1e-4));
  double kinds = 0.0;
  for (const std::string kind : {"embeddings", "heads", "mlps", "biases"}) {
    kinds += totals[kind]["mean"].get<double>();
  }
  CHECK(kinds == Approx(sum).margin(1e-9));

  const std::string printed = dla(folder, "gpt2", {}).out;
  CHECK(dla_says(printed, "direct logit attribution, clean run"));
  CHECK(dla_says(printed, "components sum to"));
  CHECK(dla_says(run({"inspect", folder / "d.h5"}).out, printed.substr(0, printed.size() - 1)));
  for (const std::string format : {"csv", "npy", "png", "svg", "html"}) {
    CAPTURE(format);
    CHECK(run({"export", folder / "d.h5", "--format", format, "-o", folder / "out"}).code == 0);
  }
  const std::string csv = contents(folder / "out/d.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == static_cast<long>(json["cells"].size() + 1));
  CHECK(dla_says(csv, "embed,token,"));
  CHECK(dla_says(csv, "final,bias,"));
  const std::string picture = contents(folder / "out/d.svg");
  CHECK(dla_says(picture, "direct logit attribution, clean run"));
  CHECK_FALSE(dla_says(picture, "NaN"));  // what is no component is white, not a value
  const std::string page = contents(folder / "out/d.html");
  CHECK(dla_says(page, "direct logit attribution"));
  CHECK(dla_says(page, "By kind of component"));
  // What the page says, without what its script can say of other results.
  CHECK_FALSE(dla_says(page.substr(0, page.find("<script>")), "normalized"));
}

TEST_CASE("dla says which run and which logits it attributes") {
  const Folder folder;
  const auto corrupted = dla(folder, "llama", {"--run", "corrupted", "--json"}).json();
  CHECK(corrupted["totals"]["model"]["mean"] == corrupted["baseline"]["corrupted"]["mean"]);
  CHECK(corrupted["provenance"]["identity"]["run"] == "corrupted");
  CHECK_FALSE(corrupted["totals"].contains("biases"));  // Llama has none
  const std::string gemma = dla(folder, "gemma2", {}).out;
  CHECK(dla_says(gemma, "logit_diff before the soft-cap"));
  CHECK(dla_says(gemma, "norm after attention is frozen too"));
  const std::string answers = dla(folder, "llama", {}, "").out;
  CHECK(dla_says(answers, "answer_logit, clean"));
  CHECK(dla_says(answers, "No item has wrong tokens"));
}

TEST_CASE("a dla that cannot be ends with one clear line and leaves no file") {
  const Folder folder;
  struct Bad {
    std::vector<std::string> words;
    std::string wrong;
    int code;
    std::string says;
  };
  REQUIRE(dla(folder, "llama", {"-o", folder / "there.h5"}).code == 0);
  const std::vector<Bad> all{{{}, "some", 2, "item 4 has no wrong answers"},
                             {{"--metric", "logit_diff"}, "", 2, "item 0 has no wrong answers"},
                             {{"--metric", "prob"}, "all", 2, "prob"},
                             {{"--run", "dirty"}, "all", 2, "dirty"},
                             {{"-o", folder / "there.h5"}, "all", 2, "there.h5"},
                             {{"-o", "/proc/nothing.h5"}, "all", 4, "/proc/nothing.h5"}};
  for (const auto& [words, wrong, code, text] : all) {
    const Outcome outcome = dla(folder, "llama", words, wrong);
    CAPTURE(words, outcome.err);
    CHECK(outcome.code == code);
    CHECK(is_one_line(outcome.err));
    CHECK(dla_says(outcome.err, text));
  }
  put(folder / "notes.h5", "mine");  // refused before the work, which would fail
  put(folder / "far.json", R"({"version": 1, "interventions": [
      {"site": "hook_embed", "op": "scale", "factor": 3e38},
      {"site": "hook_embed", "op": "scale", "factor": 3e38}]})");
  const std::vector<std::string> far{"--intervene", folder / "far.json"};
  const Outcome not_finite = dla(folder, "llama", far);
  CHECK(not_finite.code == 3);
  CHECK(
      dla_says(not_finite.err, "the interventions of " + folder / "far.json" + " are the likely"));
  const Outcome early =
      dla(folder,
          "llama",
          {"-o", folder / "notes.h5", "--overwrite", "--intervene", folder / "far.json"});
  CHECK(early.code == 2);
  CHECK(dla_says(early.err, "notes.h5: not a headscope result, so it is not replaced"));
  CHECK(contents(folder / "notes.h5") == "mine");
  CHECK(dla(folder, "llama", {"-o", folder / "there.h5", "--overwrite"}).code == 0);
  CHECK(dla(folder, "llama", {"--metric", "answer_logit"}, "some").code == 0);
}
