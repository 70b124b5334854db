// The CPU's attention statistics against the definition, and what must hold whatever the numbers.
#include "lib/attention/statistics.h"

#include "lib/attention/attention.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/attention/statistics_cases.h"
#include "tests/support/catch.h"

namespace headscope::test {
namespace {

TEST_CASE("statistics on the CPU are those of the definition") {
  for (const StatisticsCase& c : statistics_cases()) {
    if (c.keys > 1024) {
      continue;  // for benches
    }
    CAPTURE(c.name);
    const StatisticsInputs in = make_inputs(c);
    const StatisticsRequest request = make_request(c);
    check_equal(attention_statistics(in, request), attention_statistics_ref(in, request), c);
  }
}

}  // namespace
}  // namespace headscope::test
