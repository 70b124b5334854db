// Writing killed at random moments: real processes, real SIGKILL.
#include "tests/stored/stored_kills.h"

using namespace headscope;
using namespace headscope::stored;

TEST_CASE("what is killed at random moments loses nothing finished and ends as if never killed") {
  struct Case {
    StoredKind kind;
    int kills;
  };
  const auto [kind, kills] = GENERATE(values<Case>(
      {{trace_kind("trace", trace_cases::header(30, DType::f32, 64)), 105},
       {trace_kind("trace of batches", trace_cases::header(30, DType::f32, 64), {.batch = 5}), 40},
       {trace_kind("compressed trace", trace_cases::header(30, DType::f32, 64), {.compress = 9}),
        30},
       {result_kind("result", result_cases::result_header(4, 4, 8)), 105},
       {log_kind("log of lines", 16), 40}}));
  CAPTURE(kind.name);
  REQUIRE(kind.units <= kMostUnits);
  const KillTally tally = kill_many(kind, kills);
  CHECK(tally.killed >= kills - 5);
  CHECK(tally.partial > kills / 5);
}
