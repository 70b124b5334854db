// inspect and export of every kind of file that headscope writes.
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
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
  for (const char* name : {"n.jsonl", "t.jsonl", "e.json"}) {
    INFO(name);
    const Outcome outcome = run({"export", folder / name, "--format", "csv", "-o", folder / "out"});
    INFO(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains("export takes traces, results, atlases"));
  }
  const Outcome damaged = run({"export", folder / "niah.json", "-o", folder / "n.csv"});
  CHECK(damaged.code == 3);  // no cells in it
  CHECK_THAT(damaged.err, contains("a damaged result of niah"));
  put(folder / "other.json", "{\"mine\": 1}");
  CHECK(run({"inspect", folder / "other.json"}).code == 3);
  CHECK(run({"inspect", folder / ""}).code == 3);
}

TEST_CASE("export of an atlas is what atlas says, and a picture or an array a detector") {
  const Folder folder;
  const std::string atlas = folder / "a.h5";
  REQUIRE(run({"detect",
               kInspectedModel,
               "--detectors",
               "copying,first_token_sink",
               "--seeds",
               "1",
               "-o",
               atlas})
              .code == 0);
  const auto exported = [&](const std::string& which, const std::string& name) {
    const Outcome outcome = run({"export", which, "-o", folder / name});
    INFO(outcome.err);
    CHECK(outcome.code == 0);
    return contents(folder / name);
  };
  REQUIRE(run({"atlas", atlas, "-o", folder / "same.csv"}).code == 0);
  CHECK(exported(atlas, "a.csv") == contents(folder / "same.csv"));
  CHECK_THAT(exported(atlas, "a.html"), contains("copying"));
  CHECK_THAT(exported(atlas + ":copying", "copying.svg"), contains("<svg"));
  // [3, 4] f32 behind a header of 128 bytes; head 2.1 is the tenth value.
  const std::string array = exported(atlas + ":copying", "copying.npy");
  REQUIRE(array.size() == 128 + 12 * 4);
  float stored = 0;
  std::memcpy(&stored, array.data() + 128 + 9 * 4, sizeof stored);
  const std::string table = contents(folder / "same.csv"), row = "\ncopying,2,1,";
  REQUIRE(table.find(row) != std::string::npos);
  const double told = std::strtod(table.c_str() + table.find(row) + row.size(), nullptr);
  CHECK(std::abs(told - stored) < 1e-6);

  const Outcome several = run({"export", atlas, "-o", folder / "all.png"});
  CHECK(several.code == 2);
  CHECK_THAT(several.err, contains("2 files") && contains("a.h5:induction"));
  CHECK(run({"export", atlas, "--format", "png", "-o", folder / "maps"}).code == 0);
  CHECK(contents(folder / "maps/a.first_token_sink.png").starts_with("\x89PNG"));
  const Outcome unknown = run({"export", atlas + ":inductoin", "-o", folder / "i.png"});
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, contains("no scores of inductoin"));
  CHECK(run({"export", atlas, "--hook", "z", "-o", folder / "b.csv"}).code == 2);
}
