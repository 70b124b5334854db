// The built program in a process of its own, to be watched, interrupted and killed while it runs.
#pragma once

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace headscope::test {

// Its standard output and error go to a file.
inline pid_t start(const std::vector<std::string>& words, const std::string& err) {
  std::string program = std::string(HEADSCOPE_BINARY_DIR) + "/headscope";
  std::vector<std::string> copy = words;
  std::vector<char*> argv{program.data()};
  for (std::string& word : copy) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int file = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(file, STDERR_FILENO);
    ::dup2(file, STDOUT_FILENO);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  return child;
}

// The exit status, or −1 (and the child killed) if it takes longer than `most`.
inline int wait_for(pid_t child, std::chrono::steady_clock::duration most) {
  const auto end = std::chrono::steady_clock::now() + most;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return -1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace headscope::test
