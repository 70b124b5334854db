// inspect and export of every kind of file that headscope writes.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope::test;

namespace {

const std::string kInspectedModel = model_path("llama");

}  // namespace

TEST_CASE("inspect tells what every file of ours is; export names the verb that shows it") {
  const Folder folder;
  const std::string atlas = folder / "a.h5";
  REQUIRE(run({"detect", kInspectedModel, "--detectors", "copying", "-o", atlas}).code == 0);
  const Outcome heads = run({"inspect", atlas});
  CHECK(heads.code == 0);
  CHECK_THAT(heads.out, contains("copying") && contains("command_line"));
  OrderedJson of_atlas = run({"inspect", atlas, "--json"}).json();
  CHECK(of_atlas["format"] == "headscope-inspect");
  of_atlas["format"] = "headscope-atlas";
  CHECK(of_atlas == run({"atlas", atlas, "--json"}).json());

  put(folder / "niah.json",
      "{\n \"format\": \"headscope-niah\",\n \"version\": 1,\n \"provenance\": {\"model\": "
      "\"m\"},\n"
      " \"prompts\": 4,\n \"heads\": [1]\n}\n");
  put(folder / "n.jsonl",
      "{\"format\":\"headscope-niah-samples\",\"identity\":{\"seed\":3}}\n{\"mask\":\"none\"}\n");
  put(folder / "t.jsonl",
      "{\"id\": \"0\", \"clean\": \"a b\", \"corrupted\": \"a c\", \"answers\": [\" d\"]}\n");
  put(folder / "e.json", "{\"version\": 1, \"interventions\": []}\n");
  const auto inspected = [&](const std::string& name) {
    const Outcome outcome = run({"inspect", folder / name, "--json"});
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return outcome.json();
  };
  CHECK(inspected("niah.json")["kind"] == "result of niah");
  CHECK(inspected("niah.json")["prompts"] == 4);
  CHECK(inspected("niah.json")["model"] == "m");
  CHECK(inspected("niah.json")["heads"] == "1 value");
  CHECK(inspected("n.jsonl")["kind"] == "list of samples of niah");
  CHECK(inspected("n.jsonl")["lines"] == 2);
  CHECK(inspected("n.jsonl")["seed"] == 3);
  CHECK(inspected("t.jsonl")["kind"] == "task");
  CHECK(inspected("e.json")["kind"] == "document of interventions");
  for (const char* name : {"a.h5", "niah.json", "n.jsonl", "t.jsonl", "e.json"}) {
    INFO(name);
    const Outcome outcome = run({"export", folder / name, "--format", "csv", "-o", folder / "out"});
    INFO(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains("export takes traces and results"));
  }
  put(folder / "other.json", "{\"mine\": 1}");
  CHECK(run({"inspect", folder / "other.json"}).code == 3);
  CHECK(run({"inspect", folder / ""}).code == 3);
}
