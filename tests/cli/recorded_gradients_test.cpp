// attribute, and gradients in traces, as a user asks for them.
#include <cmath>

#include <fmt/format.h>

#include "analyses/results/result_store.h"
#include "hooks/trace/trace_reader.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kGradientsModel = model_path("llama");

std::string gradients_task_file(const Folder& folder) {
  std::string lines;
  for (int i = 0; i < 4; ++i) {
    lines += fmt::format(
        "{{\"clean_tokens\": [1, {0}, 3, 4, 5, 7], \"corrupted_tokens\": [1, {0}, 3, 6, 5, 7], "
        "\"answer_tokens\": [{1}], \"wrong_tokens\": [{2}]}}\n",
        10 + i,
        30 + i,
        40 + i);
  }
  put(folder / "task.jsonl", lines);
  return folder / "task.jsonl";
}

double sum_of(const TraceReader& trace, const std::string& dataset) {
  double sum = 0.0;
  for (const float value : trace.read(dataset, 0).values) {
    sum += std::abs(value);
  }
  return sum;
}

}  // namespace

TEST_CASE("attribute writes a result, resumes it, and --exact says how well it guessed") {
  const Folder folder;
  const std::vector<std::string> words{
      "attribute", kGradientsModel, "--task", gradients_task_file(folder), "-o", folder / "a.h5"};
  auto exact = words;
  exact.insert(exact.end(), {"--exact", "--json"});
  const Outcome first = run(exact);
  REQUIRE(first.code == 0);
  CHECK(first.json()["exact"]["pearson"].get<double>() > 0.5);
  CHECK(first.json()["kind"] == "attribute");
  CHECK(read_result(folder / "a.h5").complete());
  CHECK(run(words).code == 2);
  auto again = words;
  again.emplace_back("--resume");
  CHECK(run(again).code == 0);
  again.insert(again.end(), {"--method", "ig"});
  const Outcome other = run(again);
  CHECK(other.code == 2);
  CHECK(other.err.find("method") != std::string::npos);
  CHECK(is_one_line(other.err));
}

TEST_CASE("--exact without a list of the strongest leaves that part out") {
  const Folder folder;
  const Outcome none = run({"attribute",
                            kGradientsModel,
                            "--task",
                            gradients_task_file(folder),
                            "--exact",
                            "--top",
                            "0"});
  CHECK(none.code == 0);
  CHECK(none.out.find("Pearson") != std::string::npos);
  CHECK(none.out.find("of the top") == std::string::npos);
}

TEST_CASE("options of a task's gradients go with a task, and a task without them needs no metric") {
  const Folder folder;
  put(folder / "open.jsonl",
      "{\"clean_tokens\": [1, 2, 3], \"corrupted_tokens\": [1, 4, 3], \"answer_tokens\": [5]}\n");
  CHECK(run({"record", kGradientsModel, "--task", folder / "open.jsonl", "-o", folder / "t.h5"})
            .code == 0);
  for (const std::string option : {"--metric", "--run"}) {
    const Outcome alone = run({"record",
                               kGradientsModel,
                               "--prompt",
                               "hi",
                               option,
                               option == "--run" ? "clean" : "prob",
                               "-o",
                               folder / "u.h5"});
    CHECK(alone.code == 2);
    CHECK(alone.err.find("--task") != std::string::npos);
  }
}

TEST_CASE("gradients of a task's metric go to a trace beside the values") {
  const Folder folder;
  const auto record = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"record", kGradientsModel, "-o", folder / "t.h5", "--overwrite"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  const std::string task = gradients_task_file(folder);
  REQUIRE(record({"--task",
                  task,
                  "--hooks",
                  "blocks.*.attn.hook_z",
                  "--hooks",
                  "blocks.{0,1}.attn.hook_z_grad"})
              .code == 0);
  const TraceReader trace(folder / "t.h5");
  CHECK(trace.dataset("blocks.1.attn.hook_z_grad").shape ==
        trace.dataset("blocks.1.attn.hook_z").shape);
  CHECK(sum_of(trace, "blocks.1.attn.hook_z_grad") > 0);
  CHECK(sum_of(trace, "blocks.0.attn.hook_z_grad") > 0);
  const Outcome no_task = record({"--prompt", "hi", "--hooks", "blocks.0.attn.hook_z_grad"});
  CHECK(no_task.code == 2);
  CHECK(no_task.err.find("--task") != std::string::npos);
  const Outcome unknown = record({"--task", task, "--hooks", "blocks.0.attn.hook_zz_grad"});
  CHECK(unknown.code == 2);
  const Outcome tokens = record({"--task", task, "--hooks", "hook_tokens_grad"});
  CHECK(tokens.code == 2);
  const Outcome counted =
      record({"--task", task, "--metric", "rank", "--hooks", "blocks.0.attn.hook_z_grad"});
  CHECK(counted.code == 2);
  CHECK(is_one_line(counted.err));
}
