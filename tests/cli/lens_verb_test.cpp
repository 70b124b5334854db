// lens as a user runs it: table, JSON, CSV and page agree; what is wrong is said.
#include <map>

#include "tests/cli/program.h"
#include "tests/render/page_dom.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kLensModel = model_path("llama");

Outcome lens(std::vector<std::string> more) {
  std::vector<std::string> words{"lens", kLensModel};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

}  // namespace

TEST_CASE("lens: table, JSON, CSV and page say the same of a prompt") {
  const Folder folder;
  const std::vector<std::string> prompt{"--prompt", "the cat sat"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), prompt.begin(), prompt.end());
    const Outcome outcome = lens(more);
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return outcome;
  };
  const auto json = with({"--json", "--of", "residual,heads"}).json();
  CHECK(json["format"] == "headscope-lens");
  CHECK(json["rows"][0]["part"] == "embed");
  const auto& only = json["prompts"][0];
  REQUIRE(only["positions"].size() == 1);
  CHECK(only["probability"][1].is_array());
  std::size_t last = 0;
  for (std::size_t row = 0; row < json["rows"].size(); ++row) {
    const bool head = json["rows"][row]["part"] == "heads";
    CHECK(only["probability"][row][0].is_null() == head);
    last = head ? last : row;
  }
  CHECK(only["rank"][last][0] == 1);  // the model's own choice
  const std::string text = with({}).out;
  CHECK_THAT(text, contains("embed") && contains("behind token"));
  with({"-o", folder / "l.csv", "--positions", "all"});
  CHECK_THAT(contents(folder / "l.csv"), contains("\n0,0,embed,,,"));
  with({"-o", folder / "l.html"});
  const std::string dom = page_dom(folder / "", "l.html", "");
  CHECK_THAT(dom, contains("data-ready=\"1\"") && !contains("data-error"));
  CHECK(page_number(dom, "rank") == 1);
}

TEST_CASE("a lens of a trace is that of the run") {
  const Folder folder;
  put(folder / "p.jsonl", "{\"text\": \"the cat sat\"}\n{\"text\": \"a dog\"}\n");
  const std::vector<std::string> ask{"--prompts",
                                     folder / "p.jsonl",
                                     "--of",
                                     "residual,mlp",
                                     "--json",
                                     "--trace",
                                     folder / "t.h5"};
  REQUIRE(run({"record",
               kLensModel,
               "--prompts",
               folder / "p.jsonl",
               "--hooks",
               "hook_embed",
               "-o",
               folder / "t.h5"})
              .code == 0);
  const Outcome refused = lens(ask);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("headscope record") && contains("hook_mlp_out"));
  REQUIRE(run({"record",
               kLensModel,
               "--prompts",
               folder / "p.jsonl",
               "--hooks",
               "blocks.*.hook_resid_{pre,post}",
               "--hooks",
               "blocks.*.hook_mlp_out",
               "--hooks",
               "ln_final.hook_scale",
               "--overwrite",
               "-o",
               folder / "t.h5"})
              .code == 0);
  const Outcome stored = lens(ask);
  INFO(stored.err);
  REQUIRE(stored.code == 0);
  const auto live = lens({ask.begin(), ask.end() - 2}).json();
  CHECK(stored.json()["prompts"][1]["rank"] == live["prompts"][1]["rank"]);
}

TEST_CASE("what a lens cannot read is one line before any work") {
  const Folder folder;
  const auto refused = [](const Outcome& outcome, int code, const std::string& says) {
    INFO(outcome.err);
    CHECK(outcome.code == code);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains(says));
  };
  refused(lens({}), 2, "--prompt TEXT");
  refused(lens({"--prompt", "a", "--of", "neurons"}), 2, "no part that a lens reads");
  refused(lens({"--prompt", "a", "-o", folder / "l.txt"}), 2, ".html, .json or .csv");
  refused(lens({"--prompt", "a", "--answer", "the cat"}), 2, "no token of its own");
  std::filesystem::create_directory(folder / "lens");
  refused(lens({"--prompt", "a", "--tuned", folder / "lens"}), 3, "no tuned lens");
  put(folder / "lens/params.pt", "PK");
  refused(lens({"--prompt", "a", "--tuned", folder / "lens"}), 3, "weights_only=True");
  put(folder / "p.jsonl", "{\"tokens\": [5, 6, 7]}\n");
  refused(run({"lens", model_path("bert"), "--prompts", folder / "p.jsonl"}), 2, "at a mask");
}
