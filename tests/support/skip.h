// Test cases that cannot run here: no GPU, no h5py, a file that was never fetched. They end as
// skipped, which is neither passed nor failed; main.cpp says how many and why. (Catch2 2 knows no
// skipping and 3 counts it in its own way, so this is ours and the same with both.)
#pragma once

#include <map>
#include <string>

#include "tests/support/catch.h"

namespace headscope::test {

// The test cases of this run that were skipped, by name, and what each lacked.
inline std::map<std::string, std::string>& skipped_cases() {
  static std::map<std::string, std::string> cases;
  return cases;
}

// Ends the running test case as skipped. `why` says what is missing and, where there is one, the
// way to get it: "no h5py; HEADSCOPE_PYTHON can name a Python that has it".
[[noreturn]] inline void skip(const std::string& why) {
  skipped_cases().emplace(Catch::getResultCapture().getCurrentTestName(), why);
  throw Catch::TestFailureException();  // ends the case; what it checked so far still counts
}

}  // namespace headscope::test
