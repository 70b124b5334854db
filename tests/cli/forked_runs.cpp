#include "tests/cli/forked_runs.h"

#include <cerrno>
#include <cstdint>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>

#include "tests/cli/forked_pipe.h"

extern char** environ;  // NOLINT: POSIX names it

namespace headscope::test {
namespace {

// headscope_forked, started by the first run. It ends with the test: its pipe closes.
class ForkedProgram {
 public:
  ForkedProgram() {
    int requests[2];
    int ends[2];
    if (::pipe2(requests, O_CLOEXEC) != 0 || ::pipe2(ends, O_CLOEXEC) != 0) {
      throw std::runtime_error("headscope_forked: no pipe");
    }
    // Its sides alone are handed on.
    ::fcntl(requests[0], F_SETFD, 0);
    ::fcntl(ends[1], F_SETFD, 0);
    std::string program = std::string(HEADSCOPE_BINARY_DIR) + "/headscope_forked";
    std::string from = std::to_string(requests[0]);
    std::string to = std::to_string(ends[1]);
    char* const argv[] = {program.data(), from.data(), to.data(), nullptr};
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, environ);
    ::close(requests[0]);
    ::close(ends[1]);
    if (error != 0) {
      throw std::runtime_error(program + " does not start");
    }
    requests_ = requests[1];
    ends_ = ends[0];
  }

  int run(const std::vector<std::string>& words) {
    std::int64_t status = 0;
    if (!write_words(requests_, words) || !read_number(ends_, status)) {
      throw std::runtime_error("headscope_forked ended");
    }
    return static_cast<int>(status);
  }

 private:
  int requests_ = -1;
  int ends_ = -1;
};

}  // namespace

int forked_run(const std::vector<std::string>& words,
               const std::string& out,
               const std::string& err) {
  static ForkedProgram program;
  std::vector<std::string> request{out, err};
  request.insert(request.end(), words.begin(), words.end());
  return program.run(request);
}

}  // namespace headscope::test
