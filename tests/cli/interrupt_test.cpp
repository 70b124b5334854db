// Ctrl-C in the middle of a recording.
#include <chrono>
#include <csignal>
#include <thread>

#include "hooks/trace/trace.h"
#include "lib/base/error.h"
#include "tests/cli/program.h"
#include "tests/cli/running_program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kInterruptPrompts = 20'000;

std::int64_t prompts_done(const std::string& trace) {
  try {
    return inspect_trace(trace).prompts_done;
  } catch (const Error&) {
    return 0;  // not there yet
  }
}

bool wait_until_interrupt_begun(const std::string& trace) {
  const auto end = Clock::now() + 60s;
  while (prompts_done(trace) == 0 && Clock::now() < end) {
    std::this_thread::sleep_for(10ms);
  }
  return prompts_done(trace) > 0;
}

}  // namespace

TEST_CASE("Ctrl-C ends a recording soon, with 130 and a trace that --resume finishes") {
  const Folder folder;
  const std::string trace = folder / "t.h5";
  std::string lines;
  for (std::size_t i = 0; i < kInterruptPrompts; ++i) {
    lines += fmt::format("{{\"tokens\": [{}, 6, 7, 8]}}\n", i % 200);
  }
  put(folder / "p.jsonl", lines);
  const auto words = [&](const std::string& batch_tokens) -> std::vector<std::string> {
    return {"record",
            model_path("llama"),
            "--prompts",
            folder / "p.jsonl",
            "--hooks",
            "blocks.0.hook_resid_pre",
            "--batch-tokens",
            batch_tokens,
            "--threads",
            "1",
            "--resume",
            "-o",
            trace};
  };
  const pid_t child = start(words("4"), folder / "err");  // a prompt a pass: many places to stop
  REQUIRE(wait_until_interrupt_begun(trace));
  REQUIRE(::kill(child, SIGINT) == 0);
  CHECK(wait_for(child, 5s) == 130);
  CHECK_THAT(contents(folder / "err"),
             contains("--resume records the others") && contains("interrupted"));

  const auto seen = run({"inspect", trace, "--json"}).json();
  CHECK(seen["complete"] == false);
  const auto done = seen["prompts_done"].get<std::size_t>();
  CHECK(done > 0);
  CHECK(done < kInterruptPrompts);
  auto rest = words("4096");
  rest.emplace_back("--json");
  const Outcome resumed = run(rest);
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(resumed.json()["recorded_now"] == kInterruptPrompts - done);
  CHECK(run({"inspect", trace, "--json"}).json()["complete"] == true);
}
