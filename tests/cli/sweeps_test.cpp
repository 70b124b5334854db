// patch, ablate, path-patch and merge, as a user runs them.
#include <cmath>

#include <fmt/format.h>

#include "analyses/results/result_store.h"
#include "tests/cli/program.h"
#include "tests/render/page_dom.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kSweepsModel = model_path("llama");

// Twelve pairs of one template, the same up to their fifth token.
std::string sweeps_task_file(const Folder& folder) {
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    const auto tokens = [&](int last) {
      return fmt::format("[1, {}, 3, 4, {}, {}, 7]", 10 + i, last, 20 + i);
    };
    lines += fmt::format(
        "{{\"clean_tokens\": {}, \"corrupted_tokens\": {}, \"answer_tokens\": [{}], "
        "\"wrong_tokens\": [{}], \"spans\": {{\"S2\": [4, 5]}}, \"template\": 0}}\n",
        tokens(5),
        tokens(6),
        30 + i,
        31 + i);
  }
  put(folder / "task.jsonl", lines);
  return folder / "task.jsonl";
}

Outcome sweep(const Folder& folder, std::vector<std::string> words) {
  words.insert(words.begin() + 1, {kSweepsModel, "--task", sweeps_task_file(folder)});
  return run(words);
}

bool near(const std::vector<double>& a, const std::vector<double>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) {
    same = std::abs(a[i] - b[i]) < 1e-4;
  }
  return same;
}

}  // namespace

TEST_CASE("patch writes a result that inspect, export and --json agree on") {
  const Folder folder;
  const auto json =
      sweep(folder, {"patch", "-o", folder / "p.h5", "--json", "--per-prompt"}).json();
  const Result result = read_result(folder / "p.h5");
  CHECK(result.complete());
  REQUIRE(json["cells"].size() == 12);  // three layers of four heads
  for (std::size_t cell = 0; cell < 12; ++cell) {
    double mean = 0.0;
    for (std::size_t i = 0; i < 12; ++i) {
      const double value = result.per_prompt[cell * 12 + i];
      mean += value / 12;
      CHECK(json["cells"][cell]["per_prompt"][i].get<double>() == value);
    }
    CHECK(json["cells"][cell]["value"].get<double>() == Approx(mean));
  }
  CHECK(json["provenance"]["identity"]["site"] == "z");
  CHECK(run({"inspect", folder / "p.h5"}).out.find("z of the corrupted run ← clean") !=
        std::string::npos);
  for (const std::string format : {"csv", "npy", "png", "svg", "html"}) {
    CAPTURE(format);
    const Outcome exported =
        run({"export", folder / "p.h5", "--format", format, "-o", folder / "out"});
    CHECK(exported.code == 0);
    CHECK(std::filesystem::file_size(folder / ("out/p." + format)) > 100);
  }
  CHECK(
      run({"export", folder / "p.h5", "--head", "1", "--format", "csv", "-o", folder / "o"}).code ==
      2);
}

TEST_CASE("a sweep's page shows the chosen cell, and two sweeps one against the other") {
  const Folder folder;
  const auto json = sweep(folder, {"patch", "-o", folder / "p.h5", "--json"}).json();
  REQUIRE(sweep(folder, {"ablate", "-o", folder / "a.h5"}).code == 0);
  REQUIRE(run({"export",
               folder / "p.h5",
               "--with",
               folder / "a.h5",
               "--format",
               "html",
               "-o",
               folder / "out"})
              .code == 0);
  const std::string dom =
      page_dom(folder / "out", "p.html", "#cell=layer%201,%20head%202&sort=high&scale=root");
  CHECK_THAT(dom, contains("data-ready=\"1\"") && !contains("data-error"));
  CHECK(page_number(dom, "value") == Approx(json["cells"][6]["effect"]["mean"].get<double>()));
  CHECK(std::abs(page_number(dom, "correlation")) <= 1.0);
  CHECK_THAT(dom, contains("12 shared cells"));
  CHECK(run({"export",
             folder / "p.h5",
             "--with",
             folder / "a.h5",
             "--format",
             "csv",
             "-o",
             folder / "out"})
            .code == 2);
}

TEST_CASE("every kind of sweep agrees with its plain loop") {
  const Folder folder;
  const std::vector<std::vector<std::string>> sweeps{
      {"patch", "--site", "k"},
      {"patch", "--site", "resid_pre", "--over", "layer,pos", "--metric", "prob"},
      {"patch", "--from", "corrupted", "--positions", "S2", "--metric", "kl"},
      {"ablate", "--mode", "zero"},
      {"ablate", "--mode", "mean", "--mean-over", "corrupted", "--positions", "end"},
      {"ablate", "--mode", "resample", "--site", "mlp_out", "--over", "layer"},
      {"path-patch", "--receiver", "1.2:q,2.0:k", "--positions", "S2"},
      {"path-patch", "--receiver", "logits", "--freeze-mlps", "yes", "--from", "clean"}};
  for (std::size_t i = 0; i < sweeps.size(); ++i) {
    CAPTURE(i, sweeps[i][0]);
    for (const std::string kind : {"fast", "plain"}) {
      std::vector<std::string> words = sweeps[i];
      words.insert(words.end(), {"-o", folder / (kind + std::to_string(i))});
      if (kind == "plain") {
        words.emplace_back("--plain");
      }
      const Outcome outcome = sweep(folder, words);
      CAPTURE(outcome.err);
      REQUIRE(outcome.code == 0);
    }
    CHECK(near(read_result(folder / ("fast" + std::to_string(i))).per_prompt,
               read_result(folder / ("plain" + std::to_string(i))).per_prompt));
  }
}

TEST_CASE("path-patch finds what reaches a head and nothing of what comes after it") {
  const Folder folder;
  const auto json =
      sweep(folder, {"path-patch", "--receiver", "1.2:q", "--senders", "heads", "--json"}).json();
  double before = 0.0;
  for (const auto& cell : json["cells"]) {
    const double effect = std::abs(cell["effect"]["mean"].get<double>());
    if (cell["layer"] == 0) {
      before += effect;
    } else {
      CHECK(effect == 0.0);
    }
  }
  CHECK(before > 0.0);
}

TEST_CASE("shards merge into what one process makes; gaps and overlaps are refused") {
  const Folder folder;
  REQUIRE(sweep(folder, {"patch", "-o", folder / "whole.h5"}).code == 0);
  REQUIRE(sweep(folder, {"patch", "-o", folder / "a.h5", "--shard", "1/2"}).code == 0);
  REQUIRE(sweep(folder, {"patch", "-o", folder / "b.h5", "--shard", "2/2"}).code == 0);
  CHECK(run({"merge", folder / "a.h5", folder / "b.h5", "-o", folder / "m.h5"}).code == 0);
  CHECK(read_result(folder / "m.h5").per_prompt == read_result(folder / "whole.h5").per_prompt);
  CHECK(run({"merge", folder / "a.h5", "-o", folder / "n.h5"}).code != 0);
  CHECK(run({"merge", folder / "a.h5", folder / "a.h5", "-o", folder / "n.h5"}).code != 0);
  CHECK_FALSE(std::filesystem::exists(folder / "n.h5"));
}

TEST_CASE("a finished file resumes to itself; another sweep is refused by what differs") {
  const Folder folder;
  REQUIRE(sweep(folder, {"patch", "-o", folder / "p.h5"}).code == 0);
  const auto before = read_result(folder / "p.h5").per_prompt;
  CHECK(sweep(folder, {"patch", "-o", folder / "p.h5", "--resume"}).code == 0);
  CHECK(read_result(folder / "p.h5").per_prompt == before);
  CHECK(sweep(folder, {"patch", "-o", folder / "p.h5"}).code == 2);
  const Outcome other = sweep(folder, {"patch", "-o", folder / "p.h5", "--resume", "--site", "q"});
  CHECK(other.code == 2);
  CHECK(is_one_line(other.err));
  CHECK(other.err.find("site") != std::string::npos);
  CHECK(other.err.find("is z there but q here") != std::string::npos);
}

TEST_CASE("bad sweeps end with one clear line") {
  const Folder folder;
  struct Bad {
    std::vector<std::string> words;
    int code;
    std::string says;
  };
  const std::vector<Bad> all{
      {{"patch", "--positions", "S9"}, 2, "no such span; did you mean S2?"},
      {{"patch", "--over", "head"}, 2, "layer, layer,head"},
      {{"patch", "--site", "mlp_out"}, 2, "has no heads; use --over layer"},
      {{"patch", "--memory", "lots"}, 2, "not a size, for example 4GB"},
      {{"patch", "--memory", "1kB"}, 4, "one cell of a prompt of 7 tokens needs"},
      {{"patch", "--shard", "3/2", "-o", folder / "s.h5"}, 2, "not I/N"},
      {{"patch", "--resume"}, 2, "name it with -o"},
      {{"patch", "-o", "/proc/nothing.h5"}, 4, "/proc/nothing.h5"},
      {{"path-patch", "--receiver", "1.9:q"}, 2, "head 9 is out of range"},
      {{"path-patch", "--receiver", "0.0:q"}, 2, "nothing comes before layer 0"}};
  for (const auto& [words, code, says] : all) {
    const Outcome outcome = sweep(folder, words);
    CAPTURE(words, outcome.err);
    CHECK(outcome.code == code);
    CHECK(is_one_line(outcome.err));
    CHECK(outcome.err.find(says) != std::string::npos);
  }
  put(folder / "empty.jsonl", "\n");
  const Outcome empty = run({"patch", kSweepsModel, "--task", folder / "empty.jsonl"});
  CHECK(empty.code == 3);
  CHECK(is_one_line(empty.err));
}

TEST_CASE("a template of one item is refused before the weights are read") {
  const Folder folder;
  const std::string file = sweeps_task_file(folder);
  put(file,
      contents(file) +
          "{\"clean_tokens\": [1, 9, 3, 4, 5, 6, 7], \"corrupted_tokens\": [1, 9, 3, 4, 8, 6, 7], "
          "\"answer_tokens\": [30], \"wrong_tokens\": [31], \"template\": 1}\n");
  const std::string model = folder / "no-weights";
  std::filesystem::create_directory(model);
  for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"}) {
    std::filesystem::copy(kSweepsModel + "/" + name, model + "/" + name);
  }
  for (const std::string mode : {"mean", "resample"}) {
    CAPTURE(mode);
    const Outcome outcome = run({"ablate", model, "--task", file, "--mode", mode});
    CHECK(outcome.code == 2);
    CHECK(is_one_line(outcome.err));
    CHECK(outcome.err.find("the only one of template \"1\"") != std::string::npos);
  }
  CHECK(run({"ablate", model, "--task", file, "--mode", "zero"}).code == 3);  // no weights
}

TEST_CASE("a set of heads, by number and out of a list; two results compared") {
  const Folder folder;
  REQUIRE(sweep(folder, {"ablate", "--heads", "0.1,1.2", "-o", folder / "set.h5"}).code == 0);
  const auto set = run({"inspect", folder / "set.h5", "--json"}).json();
  CHECK(set.dump().find("0.1+1.2") != std::string::npos);
  put(folder / "list.json",
      R"({"heads": [{"layer": 1, "head": 2, "score": 0.9}, {"layer": 0, "head": 1, "score": 0.8},
          {"layer": 2, "head": 0, "score": 0.1}], "n_layers": 3, "n_heads": 4})");
  const Outcome listed =
      sweep(folder, {"ablate", "--heads", folder / "list.json:2", "-o", folder / "list.h5"});
  INFO(listed.err);
  REQUIRE(listed.code == 0);
  CHECK(
      near(read_result(folder / "list.h5").per_prompt, read_result(folder / "set.h5").per_prompt));
  const Outcome all = sweep(folder, {"ablate", "--heads", folder / "list.json"});
  CHECK(all.code == 2);
  CHECK_THAT(all.err, contains("takes the 10 highest"));
  CHECK(sweep(folder, {"ablate", "--heads", "0.1", "--site", "mlp_out"}).code == 2);

  REQUIRE(sweep(folder, {"ablate", "-o", folder / "mean.h5"}).code == 0);
  REQUIRE(sweep(folder, {"ablate", "--mode", "zero", "-o", folder / "zero.h5"}).code == 0);
  const Outcome compared = run(
      {"compare", folder / "mean.h5", folder / "zero.h5", "--json", "-o", folder / "change.svg"});
  INFO(compared.err);
  REQUIRE(compared.code == 0);
  const auto json = compared.json();
  CHECK(json["paired"] == true);
  const Result mean = read_result(folder / "mean.h5");
  const Result zero = read_result(folder / "zero.h5");
  const double unit = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < mean.clean.size(); ++i) {
      sum += (mean.clean[i] - mean.corrupted[i]) / static_cast<double>(mean.clean.size());
    }
    return json["normalized"] == true ? sum : 1.0;
  }();
  for (std::size_t cell = 0; cell < json["cells"].size(); ++cell) {
    double change = 0;
    for (std::size_t i = 0; i < mean.clean.size(); ++i) {
      const std::size_t at = cell * mean.clean.size() + i;
      change += (zero.per_prompt[at] - mean.per_prompt[at]) /
                static_cast<double>(mean.clean.size()) / unit;
    }
    CHECK(json["cells"][cell]["change"]["mean"].get<double>() == Approx(change).margin(1e-9));
  }
  CHECK_THAT(contents(folder / "change.svg"), contains("B − A"));
  const auto same = run({"compare", folder / "mean.h5", folder / "mean.h5", "--json"}).json();
  CHECK(same["changed"] == 0);
  CHECK(same["pearson"].get<double>() == Approx(1.0));
  CHECK(run({"compare", folder / "mean.h5", folder / "set.h5"}).code == 2);
  CHECK(run({"compare", folder / "mean.h5", folder / "list.json"}).code == 2);
}
