// headscope model random.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("model random writes a model that other verbs run") {
  const Folder folder;
  const std::string model = folder / "random";
  const Outcome made = run({"model",
                            "random",
                            "--like",
                            model_path("qwen3"),
                            "-o",
                            model,
                            "--dtype",
                            "bf16",
                            "--seed",
                            "5",
                            "--shard-size",
                            "20KB",
                            "--json"});
  REQUIRE(made.code == 0);
  CHECK(made.json()["seed"] == 5);
  CHECK(made.json()["files"] > 1);
  const Outcome info = run({"info", model, "--json"});
  REQUIRE(info.code == 0);
  CHECK(info.json()["family"] == "qwen3");
  CHECK(info.json()["parameters"] == made.json()["parameters"]);
  CHECK(run({"selftest", model}).code == 0);
}

TEST_CASE("model random says what is missing, and replaces nothing unasked") {
  const Folder folder;
  const std::string model = folder / "random";
  const auto fails = [&](const std::vector<std::string>& arguments, const char* words) {
    const Outcome outcome = run(arguments);
    CHECK(outcome.code == 2);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains(words));
  };
  fails({"model", "random", "-o", model}, "llama-8b");
  fails({"model", "random", "--like", "gpt2"}, "-o DIRECTORY");
  fails({"model", "random", "--like", "gpt5", "-o", model}, "gpt2-xl");
  fails({"model", "random", "gpt2", "-o", model}, "--like gpt2");
  fails({"model", "random", "mine", "--like", "gpt2", "-o", model}, "leave out mine");
  fails({"model", "make", "induction2", "--like", "gpt2", "-o", model}, "--like");
  fails({"model", "random", "--like", "gpt2", "-o", model, "--shard-size", "0"}, "not a size");
  fails({"model", "list", "--shard-size", "1GB"}, "--shard-size");
  const Outcome made = run({"model", "random", "--like", model_path("gpt2"), "-o", model});
  REQUIRE(made.code == 0);
  CHECK_THAT(made.out, contains(" at random (seed 0)") && !contains("e-0"));
  fails({"model", "random", "--like", model_path("gpt2"), "-o", model}, "--overwrite");
  CHECK(run({"model", "random", "--like", model_path("gpt2"), "-o", model, "--overwrite"}).code ==
        0);
}
