// The scripts that `launch` prints, and `status`.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::string script(const std::vector<std::string>& options) {
  std::vector<std::string> words{"launch"};
  words.insert(words.end(), options.begin(), options.end());
  const Outcome outcome = run(words);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  return outcome.out;
}

const std::vector<std::string> kPatch{
    "--", "patch", "a model", "--task", "t.jsonl", "--device", "cuda", "-o", "p.h5"};

std::string script_by(const std::string& launcher, std::vector<std::string> options = {}) {
  options.insert(options.begin(), launcher);
  options.insert(options.end(), kPatch.begin(), kPatch.end());
  return script(options);
}

}  // namespace

TEST_CASE("launch prints a script that a shell can read, for each launcher") {
  const Folder folder;
  for (const std::string launcher : {"slurm", "torchrun", "mpirun"}) {
    CAPTURE(launcher);
    const std::string text = script_by(launcher, {"--hosts", "3", "--ranks-per-host", "4"});
    CHECK_THAT(text, contains("headscope patch 'a model' --task t.jsonl --device cuda -o p.h5"));
    CHECK_THAT(text, contains(launcher == "mpirun" ? "-n 12" : "3"));
    put(folder / "job.sh", text);
    CHECK(std::system(("bash -n " + (folder / "job.sh")).c_str()) == 0);
  }
  CHECK_THAT(script_by("slurm"), contains("#SBATCH --gpus-per-node=8"));
  CHECK_THAT(script_by("slurm", {"--array", "64"}),
             contains("#SBATCH --array=0-63%16") && contains("--shard auto --resume\n"));
  const std::string pods = script_by("kubernetes", {"--hosts", "2", "--ranks-per-host", "1"});
  CHECK_THAT(
      pods,
      contains("completions: 2\n") && contains("- 'a model'\n") && contains("nvidia.com/gpu: 1"));
}

TEST_CASE("launch refuses what would not share its work") {
  const auto refused = [](std::vector<std::string> words, const std::string& why) {
    words.insert(words.begin(), "launch");
    const Outcome outcome = run(words);
    CHECK(outcome.code == 2);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains(why));
  };
  refused({"slurm", "--", "generate", "m", "-o", "x"}, "generate does not share its work");
  refused({"slurm", "--", "patch", "m"}, "name it with -o");
  refused({"lsf", "--", "patch", "m", "-o", "x"}, "lsf: no such launcher");
  refused({"mpirun", "--array", "3", "--", "patch", "m", "-o", "x"}, "--array is Slurm's");
}
