// A part of a test in a process of its own.
#pragma once

#include <cstring>
#include <exception>

#include <sys/wait.h>
#include <unistd.h>

namespace headscope {

// Runs `body` in a child, whose exit status it returns: limits and mounts go with the child.
template <typename Body>
int in_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int result = 100;
    try {
      result = body();
    } catch (const std::exception& error) {
      static_cast<void>(::write(2, error.what(), std::strlen(error.what())));
    }
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

}  // namespace headscope
