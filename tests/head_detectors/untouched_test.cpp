// Detectors of a changed model: which of them the change reaches.
#include <algorithm>

#include "analyses/head_detectors/detect.h"
#include "analyses/head_detectors/detectors.h"
#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Model embedding_scaled() {
  const Model model = load(huggingface_fixture("llama"));
  const auto change = standing_interventions(
      model,
      interventions_from_json(Json::parse(R"({"version": 1, "interventions": [
          {"site": "hook_embed", "op": "scale", "factor": 1.5}]})"),
                              "edits"));
  return model.with(change);
}

}  // namespace

TEST_CASE("detectors that read weights alone say that interventions did not reach them") {
  const Model model = embedding_scaled();
  const auto found = detect(model,
                            {.detectors = {copying_detector(),
                                           copying_score_detector(),
                                           copy_suppression_detector(),
                                           composition_detector(),
                                           value_drain_detector()},
                             .seeds = {0}});
  std::size_t ran = 0;
  for (const Detection& each : found) {
    INFO(each.detector.name << " " << each.undefined << each.failed);
    if (each.ran()) {
      ++ran;
      CHECK(each.notes.value(kUntouched, false) ==
            (each.detector.reads == Detector::Reads::weights));
    }
  }
  CHECK(ran >= 3);
  const Model unchanged = load(huggingface_fixture("llama"));
  const auto plain = detect(unchanged, {.detectors = {copying_detector()}, .seeds = {0}});
  CHECK_FALSE(plain.front().notes.contains(kUntouched));
  CHECK(plain.front().score.values == found.front().score.values);
}
