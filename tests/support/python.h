// Python, for the tests that run what we give to people who use it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/skip.h"

namespace headscope {

// The command that runs one: tests/support/python says which.
inline std::string python() {
  return "'" HEADSCOPE_SOURCE_DIR "/tests/support/python'";
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

// Where Python has no h5py, the running test case is skipped.
inline void need_h5py() {
  if (std::system((python() + " -c 'import h5py, numpy' 2>/dev/null").c_str()) != 0) {
    test::skip("Python has no h5py; HEADSCOPE_PYTHON can name one that has");
  }
}

}  // namespace headscope
