// The example of data/RESULT_FORMAT.md, run as a user would; skipped where Python has no h5py.
#include <cmath>

#include "lib/base/json.h"
#include "tests/results/result_cases.h"
#include "tests/support/catch.h"
#include "tests/support/python.h"

using namespace headscope;
using namespace headscope::result_cases;

namespace {

Json seen_by_h5py(const std::filesystem::path& path) {
  return Json::parse(output_of(python() +
                               " " HEADSCOPE_SOURCE_DIR "/data/examples/read_result.py " +
                               path.string() + " --json"));
}

// As the example writes a value: JSON has no NaN and no infinity.
std::string as_text(double value) {
  return std::isnan(value) ? "nan" : std::isinf(value) ? (value > 0 ? "inf" : "-inf") : "";
}

void check_values(const Json& seen, const std::vector<double>& values) {
  REQUIRE(seen.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    if (as_text(values[i]).empty()) {
      CHECK(seen[i] == values[i]);
    } else {
      CHECK(seen[i] == as_text(values[i]));
    }
  }
}

}  // namespace

TEST_CASE("the h5py example reads results, whole or not") {
  need_h5py();
  const TempFolder folder;
  ResultHeader made = result_header();
  made.axes[1] = {"pos", {"S1", "IO", "end"}};
  const bool whole = GENERATE(true, false);
  run(folder.file("r.h5"), made, IfExists::fail, 0, whole ? 12 : 4);
  const Result result = read_result(folder.file("r.h5"));
  const Json seen = seen_by_h5py(folder.file("r.h5"));
  CHECK(seen["kind"] == "patch");
  CHECK(seen["metric"] == "logit_diff");
  CHECK(seen["provenance"] == made.provenance);
  CHECK(seen["done"] == result.done);
  CHECK(seen["complete"] == whole);
  CHECK(seen["axes"]["layer"] == Json{0, 1, 2, 3});
  CHECK(seen["axes"]["pos"] == Json{"S1", "IO", "end"});
  CHECK(seen["prompts"] == made.prompt_ids);
  CHECK(seen["templates"] == made.templates);
  CHECK(seen["shape"] == Json{4, 3, 5});
  check_values(seen["per_prompt"], result.per_prompt);
  check_values(seen["result"], means(result.per_prompt, 5));
  check_values(seen["clean"], result.clean);
  check_values(seen["corrupted"], result.corrupted);
}
