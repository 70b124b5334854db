// detect, atlas, stats and record --statistics, as a user runs them.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "analyses/head_detectors/atlas.h"
#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/cli/running_program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

bool detect_says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

Outcome detect(const Folder& folder, const std::vector<std::string>& more) {
  std::vector<std::string> words{
      "detect", model_path("llama"), "--seeds", "1", "-o", folder / "a.h5"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

std::string custom(const Folder& folder, const std::string& text) {
  put(folder / "own.json", text);
  return folder / "own.json";
}

}  // namespace

TEST_CASE("detect: table, file, page and compare agree; the file can be gone on with") {
  const Folder folder;
  const std::vector<std::string> two{"--detectors", "first_token_sink,delimiter", "--json"};
  const auto json = detect(folder, two).json();
  const Atlas atlas = read_atlas(folder / "a.h5");
  REQUIRE(atlas.detections.size() == 2);
  REQUIRE(json["detectors"].size() == 2);
  const Detection& sink = *atlas.find("first_token_sink");
  CHECK(sink.samples.samples == 24);
  for (const HeadId& head : sink.score.heads()) {
    const auto at = sink.score.grid.index_of(head);
    CHECK(json["detectors"][0]["scores"][at].get<double>() == sink.score[head]);
    CHECK((sink.low[head] <= sink.score[head] && sink.score[head] <= sink.high[head]));
    CHECK((sink.score[head] > 1.0 / 64 && sink.score[head] <= 1.0));  // the first sees itself
  }
  CHECK(sink.groups.size() == 3);
  CHECK(detect(folder, two).code == 2);  // it is there
  const auto more =
      detect(folder, {"--detectors", "first_token_sink,delimiter,dormant", "--resume", "--json"});
  CHECK(more.json()["detectors"].size() == 3);
  CHECK(read_atlas(folder / "a.h5").find("delimiter")->score == atlas.find("delimiter")->score);
  const auto other = run({"detect",
                          model_path("llama"),
                          "--detectors",
                          "dormant",
                          "--resume",
                          "--seeds",
                          "2",
                          "-o",
                          folder / "a.h5"});
  CHECK(other.code == 2);
  CHECK(detect_says(other.err, "seeds is 1 there but 2 here"));

  const auto page = run({"atlas", folder / "a.h5", "-o", folder / "a.html"});
  CHECK(page.code == 0);
  const std::string html = contents(folder / "a.html");
  CHECK(detect_says(html, "\"name\":\"dormant\""));
  CHECK_FALSE(detect_says(html, "http://"));
  CHECK(html.size() > 20000);
  const auto same =
      run({"compare", folder / "a.h5:delimiter", folder / "a.h5:delimiter", "--json"});
  CHECK(same.code == 0);
  CHECK(detect_says(run({"compare", folder / "a.h5", folder / "a.h5:delimiter"}).err, "delimiter"));
  const auto roles = run({"compare", folder / "a.h5", folder / "a.h5", "--json"}).json();
  REQUIRE(roles["detectors"].size() == 3);
  CHECK(roles["detectors"][0]["only_a"].empty());
  CHECK(roles["detectors"][0]["both"].size() == sink.with_role().size());
  REQUIRE(run({"atlas", folder / "a.h5", "-o", folder / "a.csv"}).code == 0);
  const std::string csv = contents(folder / "a.csv");
  CHECK(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')) ==
        1 + 3 * sink.score.heads().size());
  CHECK(detect_says(csv, "first_token_sink,0,0,"));
}

TEST_CASE("a damaged atlas is one clear error") {
  const Folder folder;
  REQUIRE(detect(folder, {"--detectors", "dormant"}).code == 0);
  std::string bytes = contents(folder / "a.h5");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  put(folder / "bad.h5", bytes);
  put(folder / "short.h5", bytes.substr(0, bytes.size() / 3));
  for (const char* name : {"bad.h5", "short.h5", "none.h5"}) {
    const Outcome outcome = run({"atlas", folder / name});
    CHECK(outcome.code == 3);
    CHECK(detect_says(outcome.err, name));
  }
}

TEST_CASE("what cannot run says so, the others run, and the exit code tells") {
  const Folder folder;
  const Outcome outcome = detect(folder, {"--detectors", "induction,first_token_sink"});
  CHECK(outcome.code == 3);
  CHECK(detect_says(outcome.out, "first_token_sink"));
  CHECK(detect_says(outcome.out, "context"));
  CHECK(detect_says(outcome.out, "detector   outcome    why\n"));
  CHECK(detect_says(outcome.out, "\ninduction  undefined  "));
  CHECK(detect_says(outcome.err, "induction"));
  CHECK(read_atlas(folder / "a.h5").find("first_token_sink")->ran());
  CHECK(detect(folder, {"--overwrite", "--detectors", "inductoin"}).code == 2);
  CHECK(run({"detect", "--list"}).code == 0);
  CHECK(run({"detect"}).code == 2);
}

TEST_CASE("a detector that fails is reported as such, and the others are kept") {
  const Folder folder;
  put(folder / "task.jsonl",
      "{\"clean_tokens\": [1, 7, 3, 4, 5], \"corrupted_tokens\": [1, 8, 3, 4, 5], "
      "\"answer_tokens\": [9], \"spans\": {\"A\": [1, 2], \"B\": [2, 4]}}\n");
  const std::string misspelt =
      R"({"name": "mine", "task": "task.jsonl", "from": "end", "to": "C", "threshold": 0.2})";
  const Outcome outcome =
      detect(folder, {"--detectors", "dormant", "--detector-file", custom(folder, misspelt)});
  CHECK(outcome.code == 3);
  CHECK(detect_says(outcome.out, "\nmine      failed   "));
  CHECK_FALSE(detect_says(outcome.out, "undefined"));
  CHECK(detect_says(outcome.err, "failed, see above: mine"));
  const Atlas atlas = read_atlas(folder / "a.h5");
  CHECK(atlas.find("dormant")->ran());
  CHECK(detect_says(atlas.find("mine")->failed, "no span \"C\""));
}

TEST_CASE("attention that is not finite is an error that names the head, of detect and stats") {
  const Folder folder;
  const std::string scale =
      R"({"site": "blocks.1.attn.hook_z", "heads": [2], "op": "scale", "factor": 3e38})";
  put(folder / "edits.json",
      "{\"version\": 1, \"interventions\": [" + scale + ", " + scale + "]}");  // beyond f32
  put(folder / "t.txt", "the cat sat on the mat and looked at number 3");
  const Outcome stats = run({"stats",
                             model_path("llama"),
                             "--text",
                             folder / "t.txt",
                             "--intervene",
                             folder / "edits.json"});
  CAPTURE(stats.err);
  CHECK(stats.code == 3);
  CHECK(is_one_line(stats.err));
  CHECK_THAT(stats.err, contains("head 2.0 is not finite") && contains("edits.json"));

  const Outcome found = detect(
      folder, {"--detectors", "first_token_sink,dormant", "--intervene", folder / "edits.json"});
  CAPTURE(found.err);
  CHECK(found.code == 3);
  CHECK(detect_says(found.err, "dormant failed"));
  CHECK(detect_says(found.err, "the attention of head 2.0 is not finite"));
  CHECK_FALSE(read_atlas(folder / "a.h5").find("dormant")->ran());
}

TEST_CASE("stats and tokenize refuse bytes that are not UTF-8") {
  const Folder folder;
  put(folder / "t.txt", "a caf\xe9 by the sea");
  for (const Outcome& outcome :
       {run({"stats", model_path("llama"), "--text", folder / "t.txt"}),
        run({"tokenize", model_path("llama"), "--prompt", "a caf\xe9 by the sea"})}) {
    CAPTURE(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains("byte 5 (0xe9) of the text is not UTF-8"));
  }
}

TEST_CASE("off a terminal detect tells every step; JSON has heads as numbers") {
  const Folder folder;
  const Outcome outcome =
      detect(folder, {"--detectors", "first_token_sink,delimiter", "--json", "--top", "2"});
  REQUIRE(outcome.code == 0);
  CHECK(detect_says(outcome.err, "detecting: text"));
  CHECK(detect_says(outcome.err, "2 of 2: delimiter"));
  const OrderedJson json = outcome.json();
  for (const auto& head : json["detectors"][0]["top"]) {
    CHECK(head["layer"].is_number_integer());
    CHECK(head["head"].is_number_integer());
  }
  for (const auto& head : json["detectors"][0]["with_role"]) {
    CHECK(head["head"].is_number_integer());
  }
}

TEST_CASE("Ctrl-C in detect says how to go on") {
  const Folder folder;
  const pid_t child = start({"detect",
                             model_path("llama"),
                             "--detectors",
                             "first_token_sink,delimiter",
                             "--seeds",
                             "1000",
                             "--threads",
                             "1",
                             "-o",
                             folder / "a.h5"},
                            folder / "err");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!detect_says(contents(folder / "err"), "detecting: ") &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  REQUIRE(::kill(child, SIGINT) == 0);
  CHECK(wait_for(child, std::chrono::seconds(30)) == 130);
  // One detector may have been finished before the signal came.
  CHECK((detect_says(contents(folder / "err"), "go on with: headscope detect") ||
         detect_says(contents(folder / "err"), "before the first detector was finished")));
}

TEST_CASE("a detector of one's own, as JSON") {
  const Folder folder;
  put(folder / "task.jsonl",
      "{\"clean_tokens\": [1, 7, 3, 4, 5], \"corrupted_tokens\": [1, 8, 3, 4, 5], "
      "\"answer_tokens\": [9], \"spans\": {\"A\": [1, 2], \"B\": [2, 4]}}\n");
  const std::string good =
      R"({"name": "mine", "task": "task.jsonl", "from": "end", "to": "B", "threshold": 0.2})";
  const auto json =
      detect(folder, {"--detectors", "dormant", "--detector-file", custom(folder, good), "--json"})
          .json();
  REQUIRE(json["detectors"].size() == 2);
  CHECK(json["detectors"][1]["detector"] == "mine");
  const auto pattern = run({"record",
                            model_path("llama"),
                            "--task",
                            folder / "task.jsonl",
                            "--hooks",
                            "blocks.0.attn.hook_pattern",
                            "-o",
                            folder / "p.h5"});
  REQUIRE(pattern.code == 0);
  REQUIRE(run({"export",
               folder / "p.h5",
               "--hook",
               "blocks.0.attn.hook_pattern",
               "--head",
               "0",
               "--prompt",
               "0",
               "--format",
               "csv",
               "-o",
               folder / "csv"})
              .code == 0);
  for (const auto& [text, what] : std::vector<std::pair<std::string, std::string>>{
           {R"({"name": "mine", "task": "task.jsonl", "from": "end"})", "\"to\""},
           {R"({"name": "induction", "task": "task.jsonl", "from": "end", "to": "B"})",
            "induction"},
           {R"({"name": "x", "task": "nothing", "from": "end", "to": "B"})", "nothing"},
           {R"({"name": "x", "task": "task.jsonl", "from": "end", "to": "B", "colour": 1})",
            "colour"}}) {
    const Outcome outcome =
        detect(folder, {"--overwrite", "--detector-file", custom(folder, text)});
    CHECK(outcome.code == 3);
    CHECK(detect_says(outcome.err, what));
  }
}

TEST_CASE("stats in chunks says what it says in one piece, and record --statistics the same") {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "the cat sat on the mat and looked at number " + std::to_string(i) + ". ";
  }
  put(folder / "t.txt", text);
  const auto stats = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{
        "stats", model_path("llama"), "--text", folder / "t.txt", "--context", "100"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  const auto whole = stats({"--json", "-o", folder / "s.h5", "--block", "16"}).json();
  const auto chunks = stats({"--json", "--chunk", "32", "--block", "16"}).json();
  REQUIRE(whole["entropy"].size() == chunks["entropy"].size());
  for (const char* name : {"entropy", "first", "distance", "top_column_mass"}) {
    for (std::size_t i = 0; i < whole[name].size(); ++i) {
      CHECK(whole[name][i].get<double>() == Approx(chunks[name][i].get<double>()).margin(1e-4));
    }
  }
  CHECK(whole["top_column"] == chunks["top_column"]);
  CHECK(run({"inspect", folder / "s.h5"}).code == 0);
  CHECK(
      run({"stats", model_path("llama"), "--text", folder / "t.txt", "--context", "100000"}).code ==
      3);
  CHECK(run({"stats", model_path("llama"), "--text", folder / "t.txt"}).code == 2);  // n_ctx is 128
  CHECK(stats({"--chunk", "30"}).code == 2);
  CHECK(stats({"--statistics", "entropie"}).code == 2);
  CHECK(run({"stats", model_path("llama"), "--text", folder / "none.txt"}).code == 3);
  const auto record = run({"record",
                           model_path("llama"),
                           "--prompt",
                           "the cat sat on the mat",
                           "--statistics",
                           "entropy,top,columns",
                           "-o",
                           folder / "r.h5"});
  CHECK(record.code == 0);
  CHECK(detect_says(run({"inspect", folder / "r.h5"}).out, "blocks.0.attn.hook_pattern_top_key"));
  CHECK(run({"record",
             model_path("llama"),
             "--prompt",
             "the cat",
             "--statistics",
             "entrop",
             "-o",
             folder / "e.h5"})
            .code == 2);
}
