// reproduce, as a user runs it. What it finds is tested in tests/circuit.
#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("reproduce writes a page and circuits.json that agree with --json") {
  cached_model();
  const Folder folder;
  const Outcome found = run({"reproduce",
                             "greater-than",
                             "--items",
                             "2",
                             "--test-items",
                             "16",
                             "--tests",
                             "1",
                             "-o",
                             folder / "out",
                             "--json"});
  REQUIRE(found.code == 0);
  const OrderedJson json = found.json();
  CHECK(json == OrderedJson::parse(contents(folder / "out/circuits.json")));
  const OrderedJson& circuit = json["circuits"][0];
  CHECK(circuit["name"] == "greater-than");
  CHECK(circuit["effects"]["greater-than"].size() == 270);
  CHECK(circuit["tests"].size() == 1);
  CHECK(json["provenance"]["options"]["items"] == 2);
  const std::string page = contents(folder / "out/index.html");
  CHECK(page.find("Greater-than") != std::string::npos);
  CHECK(page.find("<img") != std::string::npos);
}

TEST_CASE("reproduce refuses what it does not know before it loads a model") {
  const Outcome unknown = run({"reproduce", "iou"});
  CHECK(unknown.code == 2);
  CHECK(is_one_line(unknown.err));
  CHECK(unknown.err.find("did you mean ioi") != std::string::npos);
  CHECK(run({"reproduce", "ioi", "--items", "1"}).code == 2);
  CHECK(run({"reproduce", "ioi", "--model", "nowhere"}).code == 3);
}

TEST_CASE("reproduce refuses sizes that no test can work with before it makes anything") {
  cached_model();
  const Folder folder;
  // The second of two circuits, after one that would do.
  const Outcome outcome =
      run({"reproduce", "greater-than", "ioi", "--test-items", "4", "-o", folder / "out"});
  CHECK(outcome.code == 2);
  CHECK(is_one_line(outcome.err));
  CHECK(outcome.err.find("--test-items 4") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_CASE("reproduce component-reuse sets the attention of heads, and of others to compare with") {
  cached_model();
  const Folder folder;
  const std::vector<std::string> words{"reproduce",
                                       "component-reuse",
                                       "--set",
                                       "5.1,9.2",
                                       "--movers",
                                       "20.3",
                                       "--test-items",
                                       "2",
                                       "-o",
                                       folder / "out"};
  std::vector<std::string> asked = words;
  asked.emplace_back("--json");
  const Outcome found = run(asked);
  REQUIRE(found.code == 0);
  const OrderedJson json = found.json();
  CHECK(json == OrderedJson::parse(contents(folder / "out/circuits.json")));
  const OrderedJson& reuse = json["component_reuse"];
  CHECK(reuse["heads"]["origin"] == "given");
  REQUIRE(reuse["runs"].size() == 2);
  CHECK(reuse["runs"][1]["heads"].size() == 2);
  CHECK(reuse["random"].size() == 10);
  for (const OrderedJson& draw :
       reuse["random"]) {  // of the same layers, neither set nor looked at
    CHECK(draw["heads"][0]["layer"] == 5);
    CHECK(draw["heads"][0]["head"] != 1);
    CHECK(draw["heads"][1]["layer"] == 9);
  }
  CHECK(contents(folder / "out/index.html").find("Component reuse") != std::string::npos);

  const auto refused = [&](const std::vector<std::string>& more, const std::string& message) {
    CAPTURE(message);
    std::vector<std::string> wrong = words;
    wrong.insert(wrong.end(), more.begin(), more.end());
    const Outcome outcome = run(wrong);
    CHECK(outcome.code == 2);
    CHECK(is_one_line(outcome.err));
    CHECK(outcome.err.find(message) != std::string::npos);
  };
  refused({"--tests", "2"}, "--tests");
  refused({"--draws", "2"}, "--draws");
  CHECK(run({"reproduce", "ioi", "--set", "1.2"}).err.find("--set") != std::string::npos);
  CHECK(
      run({"reproduce", "component-reuse", "--set", "99.0", "--movers", "1.1", "-o", folder / "b"})
          .err.find("head 99.0") != std::string::npos);
}

TEST_CASE("reproduce refuses options of methods that it would not read, and tasks that are none") {
  const Outcome resume = run({"reproduce", "ioi", "--resume"});
  CHECK(resume.code == 2);
  CHECK(resume.err.find("--resume means nothing without") != std::string::npos);
  const Outcome exact = run({"reproduce", "acdc", "--exact", "9"});
  CHECK(exact.code == 2);
  CHECK(is_one_line(exact.err));
  const Outcome tasks = run({"reproduce", "eap", "--tasks", "docstrings", "--model", "nowhere"});
  CHECK(tasks.code == 2);
  CHECK(tasks.err.find("docstring") != std::string::npos);
}
