// Runs detectors over a model: those that read attention statistics together, a pass a probe.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analyses/head_detectors/detector.h"
#include "analyses/head_detectors/probe_pass.h"
#include "lib/base/head_scores.h"
#include "lib/base/json.h"

namespace headscope {

// In the notes of a detection of a changed model: true if the change reached nothing it reads, so
// that its scores are those of the unchanged model.
inline constexpr const char* kUntouched = "untouched_by_interventions";

// What a detector says of a model's heads.
struct Detection {
  Detector detector;
  std::string fingerprint{};  // of the detector
  std::string undefined{};    // why it has no meaning for the model; empty: it has
  std::string failed{};       // what went wrong, in one line; empty: nothing
  int exit_code = 0;          // of what went wrong, as by the kinds of lib/base/error.h
  HeadScores score{};         // mean over samples
  HeadScores low{}, high{};   // its bootstrap interval, 95 %
  HeadScores control{};       // mean; empty: the detector has none
  HeadSamples samples{};
  std::map<std::string, HeadScores> groups{};  // mean score by domain or template
  OrderedJson notes = OrderedJson::object();
  double seconds = 0.0;  // of a shared pass its part

  [[nodiscard]] bool ran() const { return undefined.empty() && failed.empty(); }
  // The score reaches the threshold, and its interval lies above the control.
  [[nodiscard]] bool has_role(const HeadId& head) const;
  // Heads by score, highest first; at most `count`.
  [[nodiscard]] std::vector<HeadId> top(std::size_t count) const;
  [[nodiscard]] std::vector<HeadId> with_role() const;  // highest first
};

struct DetectOptions {
  std::vector<Detector> detectors;
  std::vector<std::uint64_t> seeds{0, 1, 2};
  std::int64_t batch_tokens = 4096;
  // Where detectors that read attention have it from: a pass, or a trace (stored_statistics.h).
  StatisticsOf statistics = statistics_by_pass;
  std::function<bool()> stop = {};  // asked between layers and steps
  std::function<void(const std::string& step, double part)> progress = {};
  std::function<void(const Detection&)> finished = {};  // as soon as one is known
};

// In the order of options.detectors; fewer if `stop` ended it. A detector that has no meaning for
// the model (detector.undefined, or it throws UndefinedForModel) says so in `undefined`; any other
// error is its failure, kept in `failed`. Neither stops the others.
std::vector<Detection> detect(const Model& model, const DetectOptions& options);

}  // namespace headscope
