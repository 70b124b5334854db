// One sweep by several real processes, any of which is killed (SIGKILL) at a random moment: the
// file has the bits that one process alone computes. HEADSCOPE_RANK_KILLS asks for more kills.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "tests/cli/frozen_sweep.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Variables = std::map<std::string, std::string>;

// What child processes get of the environment while one lives.
class Setting {
 public:
  explicit Setting(Variables variables) : variables_(std::move(variables)) {
    for (const auto& [name, value] : variables_) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~Setting() {
    for (const auto& [name, value] : variables_) {
      ::unsetenv(name.c_str());
    }
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  Variables variables_;
};

std::string port() {
  static int next = 20000 + ::getpid() % 15000;
  return std::to_string(next++);
}

// The ranks of one sweep into `out`.
class Ranks {
 public:
  Ranks(const Folder& folder, int size, std::vector<std::string> command, Variables meeting)
      : folder_(folder), command_(std::move(command)), meeting_(std::move(meeting)) {
    for (int rank = 0; rank < size; ++rank) {
      start_rank(rank, size, command_);
    }
  }
  ~Ranks() {
    for (const pid_t child : children_) {
      if (child > 0) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
      }
    }
  }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  void start_rank(int rank, int size, const std::vector<std::string>& command) {
    Variables variables = meeting_;
    variables["RANK"] = std::to_string(rank);
    variables["WORLD_SIZE"] = std::to_string(size);
    const Setting setting(variables);
    children_.resize(std::max<std::size_t>(children_.size(), static_cast<std::size_t>(rank) + 1));
    children_[static_cast<std::size_t>(rank)] = start(command, said_by(rank));
  }

  // Whether it still ran.
  bool kill(int rank) {
    pid_t& child = children_[static_cast<std::size_t>(rank)];
    int status = 0;
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    child = 0;
    return WIFSIGNALED(status);
  }

  // The exit status of one; 0 of one that was killed.
  int wait(int rank) {
    pid_t& child = children_[static_cast<std::size_t>(rank)];
    const int status = child == 0 ? 0 : wait_for(child, kLong);
    child = 0;
    return status;
  }

  int wait() {
    int worst = 0;
    for (std::size_t rank = 0; rank < children_.size(); ++rank) {
      worst = std::max(worst, wait(static_cast<int>(rank)));
    }
    return worst;
  }

  [[nodiscard]] std::string said(int rank) const { return contents(said_by(rank)); }
  [[nodiscard]] std::string said() const {
    std::string all;
    for (std::size_t rank = 0; rank < children_.size(); ++rank) {
      all += said(static_cast<int>(rank));
    }
    return all;
  }

 private:
  [[nodiscard]] std::string said_by(int rank) const {
    return folder_ / ("said-" + std::to_string(rank));
  }

  const Folder& folder_;
  std::vector<std::string> command_;
  Variables meeting_;
  std::vector<pid_t> children_;
};

std::vector<std::string> command(const Folder& folder,
                                 const std::string& out,
                                 const std::vector<std::string>& more) {
  std::vector<std::string> all = words(folder, out);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<std::string> in_folder(const Folder& folder, const std::string& out) {
  return command(folder, out, {"--lease", "1", "--meet", out + ".meet"});
}

std::vector<std::string> without_resume(std::vector<std::string> command) {
  std::erase(command, "--resume");
  return command;
}

Variables by_network() {
  return {{"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", port()}};
}

Bits alone(const Folder& folder) {
  const Outcome whole = run(words(folder, folder / "whole.h5"));
  INFO(whole.err);
  REQUIRE(whole.code == 0);
  return bits_of(folder / "whole.h5");
}

int kills_asked() {
  const char* asked = std::getenv("HEADSCOPE_RANK_KILLS");
  return asked == nullptr ? 2 : std::atoi(asked);
}

}  // namespace

TEST_CASE("ranks that meet by network write what one process does, and one of them tells of it") {
  const Folder folder;
  const Bits whole = alone(folder);
  const std::string out = folder / "r.h5";
  Ranks ranks(folder, 3, without_resume(command(folder, out, {"--lease", "5"})), by_network());
  const int code = ranks.wait();
  INFO(ranks.said());
  REQUIRE(code == 0);
  CHECK(bits_of(out) == whole);
  CHECK_FALSE(std::filesystem::exists(out + ".shards"));
  CHECK_THAT(ranks.said(0), contains("3 ranks, as the environment (RANK 0, WORLD_SIZE 3) says"));
  const std::string said = ranks.said();
  const std::size_t table = said.find("took ");
  CHECK(table != std::string::npos);
  CHECK(said.find("took ", table + 1) == std::string::npos);
  CHECK(read_result(out).header.provenance["ranks"] == 3);
}

TEST_CASE("ranks killed at random moments lose nothing, and the result has the same bits") {
  const Folder folder;
  const Bits whole = alone(folder);
  std::mt19937 random(15);
  int killed = 0;
  for (int round = 0; killed < kills_asked() && round < 4 * kills_asked(); ++round) {
    const int size = round % 2 == 0 ? 2 : 4;
    const std::string out = folder / fmt::format("r{}.h5", round);
    Ranks ranks(folder, size, in_folder(folder, out), {});
    const auto victim = static_cast<int>(random() % static_cast<unsigned>(size));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 2500));
    killed += ranks.kill(victim) ? 1 : 0;
    const int code = ranks.wait();
    CAPTURE(round, size, victim, ranks.said());
    REQUIRE(code == 0);
    REQUIRE(bits_of(out) == whole);
  }
  std::printf("%d ranks killed\n", killed);
  CHECK(killed >= kills_asked());
}

TEST_CASE(
    "rank 0, where the others meet, is killed: they stop with one line, --resume does the rest") {
  const Folder folder;
  const Bits whole = alone(folder);
  const std::string out = folder / "r.h5";
  const std::vector<std::string> all = command(folder, out, {"--lease", "3"});
  Ranks ranks(folder, 2, all, by_network());
  while (!std::filesystem::exists(out + ".shards/rank-0001.h5")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  REQUIRE(ranks.kill(0));
  CHECK(ranks.wait(1) == 4);
  CHECK(is_one_line(ranks.said(1)));
  CHECK_THAT(ranks.said(1), contains("go on with --resume"));
  Ranks again(folder, 3, all, by_network());  // more of them than before
  const int code = again.wait();
  INFO(again.said());
  REQUIRE(code == 0);
  CHECK(bits_of(out) == whole);
}

TEST_CASE("ranks that are not of one sweep, and a second job, are told so by one of them") {
  const Folder folder;
  const std::string out = folder / "r.h5";
  const std::vector<std::string> first = in_folder(folder, out);
  SECTION("another metric") {
    std::vector<std::string> other = first;
    other.insert(other.end(), {"--metric", "prob"});
    Ranks two(folder, 0, first, {});
    two.start_rank(0, 2, first);
    two.start_rank(1, 2, other);
    const int codes[] = {two.wait(0), two.wait(1)};
    INFO(two.said());
    CHECK(std::min(codes[0], codes[1]) == 2);
    CHECK(std::max(codes[0], codes[1]) == 4);
    CHECK_THAT(two.said(),
               contains("is not of the job that the first rank began: ") &&
                   contains("stopped, since rank "));
    CHECK_FALSE(std::filesystem::exists(out));
  }
  SECTION("no output") {
    std::vector<std::string> nowhere = first;
    std::erase(nowhere, "-o");
    std::erase(nowhere, out);
    std::erase(nowhere, "--resume");
    Ranks ranks(folder, 2, nowhere, {});
    CHECK(ranks.wait() == 2);
    CHECK_THAT(ranks.said(1), contains("name it with -o"));
  }
}
