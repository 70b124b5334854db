// The main of both test programs: Catch2's, and a report of the test cases that could not run here.
// ctest sees exit code 77 where that is all of them (tests/CMakeLists.txt), and
// tests/support/skipped sums the reports of all programs up.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_RUNNER
#endif
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "tests/support/catch.h"
#include "tests/support/skip.h"

namespace {

constexpr int kAllSkipped = 77;

#ifdef CATCH_CONFIG_RUNNER
using Listener = Catch::TestEventListenerBase;
#else
using Listener = Catch::EventListenerBase;
#endif

std::size_t started = 0;  // test cases

class CountCases final : public Listener {
 public:
  using Listener::Listener;
  void testCaseStarting(const Catch::TestCaseInfo&) override { ++started; }
};
CATCH_REGISTER_LISTENER(CountCases)

// One line a skipped case, its name and why, in the file that HEADSCOPE_SKIPPED names (ctest's
// entries set it); no file where nothing was skipped.
void log_skipped(const char* file) {
  std::remove(file);
  for (const auto& [name, why] : headscope::test::skipped_cases()) {
    std::string line = name + '\t' + why;
    std::ranges::replace(line, '\n', ' ');
    std::ofstream(file, std::ios::app) << line << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int failed = Catch::Session().run(argc, argv);
  const auto& skipped = headscope::test::skipped_cases();
  for (const auto& [name, why] : skipped) {
    std::cout << "skipped: " << name << ": " << why << '\n';
  }
  if (!skipped.empty()) {
    std::cout << skipped.size() << " of " << started << " test cases were skipped, not passed\n";
  }
  if (const char* file = std::getenv("HEADSCOPE_SKIPPED")) {
    log_skipped(file);
    if (started == 0) {
      std::cout << "no test case has this name\n";  // an entry that runs nothing tests nothing
      return 1;
    }
  }
  if (failed != 0) {
    return 1;  // never Catch2's count of failures, which could be 77
  }
  return started > 0 && skipped.size() == started ? kAllSkipped : 0;
}
