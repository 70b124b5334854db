#include "lib/base/run.h"

#include "lib/base/error.h"
#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("a run is named, read back, and has one other") {
  CHECK(run_names() == std::vector<std::string>{"clean", "corrupted"});
  for (const Run run : {Run::clean, Run::corrupted}) {
    CHECK(parse_run(to_string(run)) == run);
    CHECK(other_run(run) != run);
    CHECK(other_run(other_run(run)) == run);
  }
  CHECK_THROWS_AS(parse_run("Clean"), UsageError);
  CHECK_THROWS_WITH(parse_run(""), contains("clean or corrupted"));
}
