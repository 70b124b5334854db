// Properties that must hold of any input: rapidcheck makes the inputs and, where one fails, looks
// for the smallest that does.
#pragma once

#include <cstdlib>
#include <sstream>
#include <string>
#include <unordered_map>

#include <rapidcheck.h>
#include <rapidcheck/detail/TestListenerAdapter.h>

#include "tests/support/catch.h"

namespace headscope::test {

// Checks `property` on 300 inputs. It draws them with `*rc::gen::…` and says what holds with
// RC_ASSERT; an exception it lets through counts against it. The inputs are the same in every run,
// so that a failure comes back; the environment variable RC_PARAMS ("seed=5 max_success=10000")
// chooses others.
template <typename Property>
void property(const std::string& says, const Property& property) {
  const rc::detail::TestMetadata name{says, says};
  rc::detail::TestListenerAdapter silent;
  const auto result =
      std::getenv("RC_PARAMS") != nullptr
          ? rc::detail::checkTestable(property, name)
          : rc::detail::checkTestable(property,
                                      name,
                                      rc::detail::TestParams{.seed = 20, .maxSuccess = 300},
                                      silent,
                                      std::unordered_map<std::string, rc::detail::Reproduce>());
  std::ostringstream report;
  rc::detail::printResultMessage(result, report);
  INFO(report.str());
  CHECK(result.template is<rc::detail::SuccessResult>());
}

}  // namespace headscope::test
