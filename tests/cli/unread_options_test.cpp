// What a verb would not read is an error, wherever it is typed.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope::test;

namespace {

using Words = std::vector<std::string>;

struct Unread {
  Words words;
  std::string says;
};

}  // namespace

TEST_CASE("options that nothing would read are refused, before a model is opened") {
  const std::string none = "/no/such/model";
  const std::vector<Unread> table{
      {{"task", "list", "-n", "3"}, "task list does not read --items"},
      {{"task", "show", "ioi", "--model", none}, "task show does not read --model"},
      {{"task", "make", "ioi", "--model", none, "-o", "t.jsonl", "--metric", "prob"}, "--metric"},
      {{"task", "make", "ioi", "--model", none, "-o", "t.jsonl", "--skip-unfit"}, "--skip-unfit"},
      {{"task", "score", "ioi", "--model", none, "-o", "t.jsonl"}, "--output"},
      {{"task", "score", "x.jsonl", "--model", none, "-n", "3"}, "task score of a file"},
      {{"detect", "--list", none}, "detect --list does not read MODEL"},
      {{"detect", none, "--write-prompts", "p.jsonl", "--confirm"}, "--confirm"},
      {{"detect", none, "--draws", "3"}, "--draws means nothing without --confirm"},
      {{"detect", none, "--overwrite"}, "--overwrite means nothing without -o FILE"},
      {{"bench", "forward", none, "--hooks", "hook_embed"}, "bench forward does not read --hooks"},
      {{"bench", "record", none, "--buffer-mib", "9"}, "bench record does not read --buffer-mib"},
      {{"steer", "list", "--data", "x"}, "steer list does not read --data"},
      {{"steer", "fit", "mean-diff", none, "--edits", "x"}, "steer fit does not read --edits"},
      {{"steer", "eval", none, "--alpha", "2"}, "steer eval does not read --alpha"},
      {{"steer", "eval", none, "--resume"}, "steer eval does not read --resume"},
      {{"niah", none, "--prompts", "p.jsonl", "--contexts", "32"}, "leave out --contexts"},
      {{"niah", none, "--draws", "3"}, "--draws means nothing without --mask-heads"},
      {{"niah", none, "--mask-heads", "top:2", "--draws", "3"}, "random heads"},
      {{"niah", none, "--mask-heads", "top:2", "--mask-curve", "2"}, "two questions"},
      {{"niah", none, "--overwrite"}, "--overwrite means nothing without -o FILE"},
      {{"generate", none, "--prompt", "a", "--top-p", "0.9"}, "a --temperature above 0"},
      {{"generate", none, "--prompt", "a", "--samples", "2"}, "a --temperature above 0"},
      {{"generate", none, "--chat", "--prompt", "a", "--prepend-bos", "yes"},
       "leave out --prompts"},
      {{"chat", none, "--top-k", "5"}, "a --temperature above 0"},
      {{"reproduce", "ioi", "--model", none, "--seeds", "2"}, "a kind of heads"},
      {{"reproduce", "induction", "--model", none, "-n", "9"}, "--items means nothing without"},
      {{"dla", none, "--task", "t", "--overwrite"}, "--overwrite means nothing without -o FILE"},
      {{"stats", none, "--text", "t", "--overwrite"}, "--overwrite means nothing without -o FILE"},
      {{"patch", none, "--task", "t", "--overwrite"}, "name it with -o"},
      {{"intervene", "schema", "x.json"}, "takes neither"},
  };
  for (const Unread& each : table) {
    std::string line;
    for (const std::string& word : each.words) {
      line += " " + word;
    }
    INFO(line);
    const Outcome outcome = run(each.words);
    INFO(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains(each.says));
  }
}

TEST_CASE(
    "--intervene of detectors that read weights alone is refused, or said not to reach them") {
  const Folder folder;
  put(folder / "e.json",
      R"({"version": 1, "interventions": [{"site": "hook_embed", "op": "scale", "factor": 2}]})");
  const auto detect = [&](const std::string& detectors) {
    return run({"detect",
                model_path("llama"),
                "--detectors",
                detectors,
                "--intervene",
                folder / "e.json"});
  };
  const Outcome alone = detect("copying,composition");
  CHECK(alone.code == 2);
  CHECK_THAT(alone.err, contains("copying,composition reads its weights alone"));
  const Outcome beside = detect("copying,copying_score");
  INFO(beside.err);
  CHECK(beside.code == 0);
  CHECK_THAT(beside.err, contains("--intervene changed nothing that copying reads"));
}
