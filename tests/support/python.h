// Python, for the tests that run what we give to people who use it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/catch.h"

namespace headscope {

inline std::string python() {
  const char* chosen = std::getenv("HEADSCOPE_PYTHON");
  return chosen == nullptr ? "python3" : chosen;
}

// The standard output of a command that must succeed.
inline std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    text += static_cast<char>(c);
  }
  REQUIRE(::pclose(pipe) == 0);
  return text;
}

// Says so where it has not.
inline bool python_has_h5py() {
  const bool has = std::system((python() + " -c 'import h5py, numpy' 2>/dev/null").c_str()) == 0;
  if (!has) {
    WARN("skipped: " + python() + " has no h5py; HEADSCOPE_PYTHON can name one that has");
  }
  return has;
}

}  // namespace headscope
