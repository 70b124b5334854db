// task list, show and make, as a user types them.
#include <algorithm>
#include <tuple>

#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("task list names every task; task show tells what one is") {
  CHECK(run({"task", "list", "ioi"}).code == 2);
  const OrderedJson list = run({"task", "list", "--json"}).json();
  REQUIRE(list["tasks"].size() == 12);
  for (const auto& task : list["tasks"]) {
    const std::string name = task["task"];
    INFO(name);
    const OrderedJson shown = run({"task", "show", name, "--json"}).json();
    CHECK(shown["summary"] == task["summary"]);
    CHECK(shown["spans"].contains("end"));
    CHECK_FALSE(shown["corruptions"].empty());
    CHECK(shown["example"]["clean"] != shown["example"]["corrupted"]);
    CHECK_FALSE(shown["example"]["answers"].empty());
  }
  const Outcome text = run({"task", "show", "ioi"});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, contains("Wang et al.") && contains("s2_io") && contains("S1+1"));
}

TEST_CASE("task make writes the same file for the same seed, from the tokenizer alone") {
  const std::string smollm2 = cached_model().string();
  const Folder folder;
  const auto make = [&](const std::string& name, const std::string& seed, const std::string& to) {
    return run({"task",
                "make",
                name,
                "--model",
                smollm2,
                "-n",
                "20",
                "--seed",
                seed,
                "-o",
                folder / to,
                "--json"});
  };
  const Outcome first = make("ioi", "0", "new/a.jsonl");
  REQUIRE(first.code == 0);
  CHECK(first.json()["items"] == 20);
  CHECK(make("ioi", "0", "b.jsonl").json()["hash"] == first.json()["hash"]);
  CHECK(contents(folder / "new/a.jsonl") == contents(folder / "b.jsonl"));
  CHECK(make("ioi", "1", "d.jsonl").json()["hash"] != first.json()["hash"]);
  const std::string lines = contents(folder / "b.jsonl");
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 20);
}

TEST_CASE("task score says how well a model does a task, by file or by name") {
  const std::string smollm2 = cached_model().string();
  const Folder folder;
  const auto score = [&](const std::string& what, const std::vector<std::string>& more) {
    std::vector<std::string> words{"task", "score", what, "--model", smollm2};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  const Outcome named = score("ioi", {"-n", "20", "--json", "--metric", "rank,prob"});
  INFO(named.err);
  REQUIRE(named.code == 0);
  const OrderedJson json = named.json();
  CHECK(json["items"] == 20);
  CHECK(json["verdict"] == "does");
  for (const std::string metric : {"accuracy", "logit_diff", "prob", "rank"}) {
    CAPTURE(metric);
    const OrderedJson& clean = json["metrics"][metric]["clean"];
    CHECK(clean["low"] <= clean["mean"]);
    CHECK(clean["mean"] <= clean["high"]);
    CHECK(json["metrics"][metric].contains("corrupted"));
  }
  CHECK(json["metrics"]["logit_diff"]["clean"]["mean"] >
        json["metrics"]["logit_diff"]["corrupted"]["mean"]);
  const std::string file = folder / "ioi.jsonl";
  REQUIRE(run({"task", "make", "ioi", "--model", smollm2, "-n", "20", "-o", file}).code == 0);
  CHECK(score(file, {"--json"}).json()["metrics"]["prob"] == json["metrics"]["prob"]);
  const Outcome text = score(file, {});
  CHECK_THAT(text.out, contains("does this task: ") && contains("accuracy"));
}

TEST_CASE("what task cannot do is one line") {
  const Folder folder;
  for (const auto& [words, code, message] :
       std::vector<std::tuple<std::vector<std::string>, int, std::string>>{
           {{"task", "show", "iio"}, 2, "did you mean ioi"},
           {{"task", "show"}, 2, "needs the name"},
           {{"task", "score"}, 2, "or its file"},
           {{"task", "score", "ioi"}, 2, "MODEL"},
           {{"task", "score", "ioi", "--model", "y", "--metric", "probb"}, 2, "did you mean prob"},
           {{"task", "score", "iio", "--model", "y"}, 2, "did you mean ioi"},
           {{"task", "score", folder / "none.jsonl", "--model", model_path("llama")},
            3,
            "none.jsonl: cannot open the task"},
           {{"task", "make", "ioi"}, 2, "MODEL"},
           {{"task", "make", "ioi", "--model", model_path("llama"), "-o", folder / "x"},
            3,
            "are one token"},
           {{"task",
             "make",
             "ioi",
             "--model",
             model_path("llama"),
             "-o",
             folder / "x",
             "--corruption",
             "acb"},
            2,
            "did you mean abc"},
           {{"task", "make", "ioi", "--model", "nowhere", "-o", folder / "x"}, 3, "nowhere"}}) {
    const Outcome outcome = run(words);
    INFO(outcome.err);
    CHECK(outcome.code == code);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains(message));
    CHECK_FALSE(std::filesystem::exists(folder / "x"));
  }
}
