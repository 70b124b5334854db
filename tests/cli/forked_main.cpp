// headscope_forked REQUESTS ENDS: the program for tests, loaded once. Reads requests from one pipe
// (two files for the output, then the words), runs each in a child forked before any thread is
// started, and writes how it ended to the other.
#include <cstdlib>

#include <fcntl.h>
#include <sys/wait.h>

#include "cli/program.h"
#include "tests/cli/forked_pipe.h"

namespace {

using namespace headscope::test;

void write_to(const std::string& path, int stream) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file < 0 || ::dup2(file, stream) < 0) {
    std::abort();
  }
  ::close(file);
}

// In the child.
[[noreturn]] void run(const std::vector<std::string>& request) {
  write_to(request.at(0), STDOUT_FILENO);
  write_to(request.at(1), STDERR_FILENO);
  std::vector<const char*> argv{"headscope"};
  for (std::size_t i = 2; i < request.size(); ++i) {
    argv.push_back(request[i].c_str());
  }
  argv.push_back(nullptr);
  headscope::leave(headscope::run_program(static_cast<int>(argv.size()) - 1, argv.data()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  const int requests = std::atoi(argv[1]);
  const int ends = std::atoi(argv[2]);
  std::vector<std::string> request;
  while (read_words(requests, request)) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(requests);
      ::close(ends);
      run(request);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !write_number(ends, status)) {
      return 1;
    }
  }
  return 0;
}
