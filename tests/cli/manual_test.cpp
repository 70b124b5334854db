// Manual pages and completion say of a verb what it binds.
#include <fstream>

#include "cli/manual/man_page.h"
#include "cli/manual/verb_text.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// What bash would offer behind the words, the last of them begun.
std::vector<std::string> offered(const Folder& folder, const std::vector<std::string>& words) {
  std::string typed;
  for (const std::string& word : words) {
    typed += " '" + word + "'";
  }
  const std::string command = "bash -c \"source '" + (folder / "script") + "'; COMP_WORDS=(" +
                              typed + "); COMP_CWORD=" + std::to_string(words.size() - 1) +
                              "; _headscope; printf '%s\\n' \\\"\\${COMPREPLY[@]}\\\"\" > '" +
                              (folder / "offered") + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  std::vector<std::string> lines;
  std::ifstream in(folder / "offered");
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

// The text of a page as man(7) shows it, near enough to search in.
std::string shown(std::string page) {
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"\\-", "-"}, {"\\e", "\\"}}) {
    for (std::size_t at = page.find(from); at != std::string::npos; at = page.find(from, at + 1)) {
      page.replace(at, from.size(), to);
    }
  }
  return page;
}

}  // namespace

TEST_CASE("a manual page names every option and operand of its verb, and no line is a request") {
  const std::vector<VerbText> verbs = describe_verbs();
  CHECK(verbs.size() > 40);
  for (const VerbText& verb : verbs) {
    CAPTURE(verb.name);
    const std::string page = shown(verb_page(verb));
    CHECK(verb.options.size() >= 5);  // --json, --device, --dtype, --threads, --seed
    for (const auto* list : {&verb.operands, &verb.options}) {
      for (const OptionText& option : *list) {
        CHECK_THAT(page, contains(option.names.front()));
        CHECK_THAT(page, contains(option.description));
      }
    }
    CHECK(page.find("\n'") == std::string::npos);
  }
}

TEST_CASE("help VERB is VERB --help") {
  const Outcome asked = run({"help", "sae", "train"});
  CHECK(asked.code == 0);
  CHECK(asked.out == run({"sae", "train", "--help"}).out);
  CHECK(run({"help"}).out == run({"--help"}).out);
  const Outcome wrong = run({"help", "pathc"});
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, contains("did you mean patch"));
}

TEST_CASE("bash completes verbs, options and fixed values") {
  const Folder folder;
  put(folder / "script", run({"completion", "bash"}).out);
  CHECK(offered(folder, {"headscope", "path"}) == std::vector<std::string>{"path-patch"});
  CHECK(offered(folder, {"headscope", "sae", "tra"}) == std::vector<std::string>{"train"});
  CHECK(offered(folder, {"headscope", "record", "m", "--ho"}) ==
        std::vector<std::string>{"--hooks"});
  CHECK(offered(folder, {"headscope", "sae", "train", "t.h5", "--arch"}) ==
        std::vector<std::string>{"--arch"});
  CHECK(offered(folder, {"headscope", "record", "mod"}) == std::vector<std::string>{""});  // a file
}

TEST_CASE("zsh and fish get scripts, other shells one line") {
  CHECK_THAT(run({"completion", "zsh"}).out, contains("#compdef headscope"));
  CHECK_THAT(run({"completion", "fish"}).out, contains("-a train"));
  const Outcome other = run({"completion", "tcsh"});
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("bash, zsh, fish"));
}

TEST_CASE("man writes a page a verb") {
  const Folder folder;
  REQUIRE(run({"man", "-o", folder / "man1"}).code == 0);
  CHECK_THAT(contents(folder / "man1/headscope.1"), contains("sae train"));
  CHECK_THAT(contents(folder / "man1/headscope-sae-train.1"),
             contains(".TH HEADSCOPE-SAE-TRAIN 1"));
  CHECK(run({"man", "patch", "-o", folder / "man1"}).code == 2);
  CHECK(run({"man", "nothing"}).code == 2);
}
