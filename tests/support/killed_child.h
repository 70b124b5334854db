// Work in a child process that is killed (SIGKILL) at a chosen step of it, however fast or busy the
// machine is.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <random>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catch.h"

namespace headscope {

// Lies in memory shared with the child.
struct Steps {
  std::atomic<int> done;
  std::atomic<int> allowed = 1 << 30;  // steps after which the child waits

  void step_done() {  // in the child
    const int now = ++done;
    while (now >= allowed) {
      ::usleep(20);
    }
  }
};

template <typename T>
struct Unmap {
  void operator()(T* memory) const { ::munmap(memory, sizeof(T)); }
};

template <typename T>
std::unique_ptr<T, Unmap<T>> shared_memory() {
  void* memory =
      ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return std::unique_ptr<T, Unmap<T>>(new (memory) T{});
}

// Runs `body` in a child, in which it calls step_done(), and kills it at `step`: as it waits there,
// or a random moment after it went on. The moments are so spread over its work. True if it was
// still running.
template <typename Body>
bool run_and_kill(Steps& steps, int step, std::mt19937& random, const Body& body) {
  const bool on_the_step = random() % 2 == 0;
  const auto delay = static_cast<unsigned>(random() % (1u << random() % 13));  // microseconds
  steps.done = 0;
  steps.allowed = step;
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      body();
      ::_exit(0);
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  int status = 0;
  bool ended = false;
  while (steps.done < step && !ended) {
    ::usleep(20);
    ended = ::waitpid(child, &status, WNOHANG) == child;
  }
  if (!ended) {
    if (!on_the_step) {
      steps.allowed = 1 << 30;
      ::usleep(delay);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  steps.allowed = 1 << 30;
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  return WIFSIGNALED(status);
}

}  // namespace headscope
