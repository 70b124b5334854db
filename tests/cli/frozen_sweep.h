// A sweep of the program in a process of its own that is frozen (SIGSTOP) once so much of it is
// done: what is to happen in the middle of it happens there, however fast or busy the machine is.
#pragma once

#include <bit>
#include <chrono>
#include <cstdint>

#include <fmt/format.h>

#include "analyses/results/result_file.h"
#include "analyses/results/result_store.h"
#include "tests/cli/program.h"
#include "tests/cli/running_program.h"

namespace headscope::test {

inline constexpr int kItems = 48;
inline constexpr int kLength = 12;
inline constexpr std::chrono::seconds kLong{300};  // the whole sweep takes about a second

// Random tokens that differ from the third on: most of each prompt runs again for every cell.
inline std::string task_lines() {
  std::string lines;
  for (int item = 0; item < kItems; ++item) {
    std::string same;
    for (int t = 3; t < kLength; ++t) {
      same += fmt::format(", {}", (17 * item + 29 * t) % 200);
    }
    lines += fmt::format(
        "{{\"clean_tokens\": [1, {0}, 5{1}], \"corrupted_tokens\": [1, {0}, 6{1}], "
        "\"answer_tokens\": [{2}], \"wrong_tokens\": [{3}]}}\n",
        10 + item,
        same,
        30 + item,
        31 + item);
  }
  return lines;
}

// The command of the sweep into `out`. The memory is given: what runs together, and so the last bit
// of every value, must not depend on what is free at the moment.
inline std::vector<std::string> words(const Folder& folder, const std::string& out) {
  put(folder / "task.jsonl", task_lines());
  return {"patch",
          model_path("gpt2"),
          "--task",
          folder / "task.jsonl",
          "--over",
          "layer,head,pos",
          "--memory",
          "4MB",
          "--threads",
          "1",
          "--resume",
          "-o",
          out};
}

struct Bits {
  std::vector<std::uint64_t> per_prompt, clean, corrupted, result;
  bool operator==(const Bits&) const = default;
};

inline std::vector<std::uint64_t> bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> list;
  for (const double value : values) {
    list.push_back(std::bit_cast<std::uint64_t>(value));
  }
  return list;
}

inline Bits bits_of(const std::string& path) {
  const Result result = read_result(path);
  const PosixFile file(path, O_RDONLY);
  const ResultContents contents = open_result_file(file);
  const auto means = read_values(file, contents.at.result, cells_of(contents.header));
  return {bits(result.per_prompt), bits(result.clean), bits(result.corrupted), bits(means)};
}

// Also while it is being written, a file that is there can be read: anything else throws.
inline std::int64_t pairs_done(const std::string& path) {
  return std::filesystem::exists(path) ? read_result(path).done : -1;
}

// A sweep frozen as soon as `pairs` are done (0: as soon as its file is there).
class Frozen {
 public:
  Frozen(const std::vector<std::string>& command,
         const std::string& out,
         std::int64_t pairs,
         const std::string& err)
      : child_(start(command, err)) {
    int status = 0;
    while (pairs_done(out) < pairs && running_) {
      running_ = ::waitpid(child_, &status, WNOHANG) == 0;
      ::usleep(500);
    }
    if (running_) {
      ::kill(child_, SIGSTOP);
      ::waitpid(child_, &status, WUNTRACED);
      running_ = WIFSTOPPED(status);
    }
  }
  ~Frozen() { kill(); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

  // False if it ended before it could be frozen.
  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] pid_t id() const { return child_; }

  void kill() {
    if (running_) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
      running_ = false;
    }
  }
  int go_on() {  // its exit status
    ::kill(child_, SIGCONT);
    running_ = false;
    return wait_for(child_, kLong);
  }

 private:
  pid_t child_;
  bool running_ = true;
};

}  // namespace headscope::test
