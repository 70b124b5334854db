// Prints what each detector finds in SmolLM2, and how long it takes. Hidden: for people.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/own_detectors.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

Tensor mean_of_samples(const HeadSamples& samples, const ModelConfig& c) {
  return at::from_blob(const_cast<double*>(samples.values.data()),
                       {samples.samples, c.n_layers, c.n_heads},
                       at::kDouble)
      .mean(0);
}

void print(const Detector& detector, const Model& model) {
  const auto begin = std::chrono::steady_clock::now();
  Finding finding;
  try {
    finding = detector.run({.model = model, .seeds = {0, 1, 2}});
  } catch (const Error& error) {
    finding.notes["undefined"] = error.what();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("== %s: %.1f s, %ld samples\n",
              detector.name.c_str(),
              took.count(),
              (long)finding.scores.samples);
  if (finding.scores.samples > 0) {
    const Tensor mean = mean_of_samples(finding.scores, model.config());
    const Tensor control = finding.control.samples > 0
                               ? mean_of_samples(finding.control, model.config())
                               : at::zeros_like(mean);
    for (const HeadPlace& at : largest_heads(mean, 12)) {
      std::printf("  %ld.%ld %.3f (%.3f)",
                  (long)at.layer,
                  (long)at.head,
                  at.value,
                  control[at.layer][at.head].item<double>());
    }
    std::printf("\n  mean %.4f control mean %.4f",
                mean.mean().item<double>(),
                control.mean().item<double>());
    if (detector.threshold) {
      std::printf(", at the threshold or above %ld",
                  (long)mean.ge(*detector.threshold).sum().item<std::int64_t>());
    }
  }
  std::printf("\n  %s\n", finding.notes.dump().substr(0, 6000).c_str());
  std::fflush(stdout);
}

}  // namespace

TEST_CASE("what each detector finds in SmolLM2", "[.smollm2]") {
  const Model model = load_model("smollm2");
  const char* wanted = std::getenv("DETECTOR");
  for (const Detector& detector : {copying_detector(),
                                   copying_score_detector(),
                                   copy_suppression_detector(),
                                   successor_detector(),
                                   composition_detector(),
                                   induction_copying_detector(),
                                   importance_detector(),
                                   ablation_detector(),
                                   value_drain_detector(),
                                   name_mover_detector(),
                                   negative_mover_detector(),
                                   arithmetic_detector(),
                                   letter_mover_detector()}) {
    if (wanted == nullptr ||
        std::string(wanted).find("," + detector.name + ",") != std::string::npos) {
      print(detector, model);
    }
  }
}
