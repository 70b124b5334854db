#include "analyses/head_detectors/detect.h"

#include <chrono>
#include <cmath>
#include <new>
#include <optional>

#include <c10/util/Exception.h>

#include "analyses/head_detectors/detection_summary.h"
#include "analyses/head_detectors/probe_pass.h"
#include "lib/base/error.h"
#include "lib/model/not_finite.h"
#include "lib/model/standing_change.h"

namespace headscope {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The scores of a model whose values are NaN or infinite are no scores.
void refuse_not_finite(const HeadSamples& scores, const HeadGrid& grid, const Model& model) {
  for (std::size_t i = 0; i < scores.values.size(); ++i) {
    if (!std::isfinite(scores.values[i])) {
      throw DataError("the score of head {} is not finite; {}",
                      to_string(grid.heads()[i % grid.size()]),
                      not_finite_advice(model));
    }
  }
}

class DetectRun {
 public:
  DetectRun(const Model& model, const DetectOptions& options)
      : model_(model),
        options_(options),
        heads_(head_grid(model.config())),
        found_(options.detectors.size()) {}

  std::vector<Detection> run() {
    for (std::size_t i = 0; i < found_.size() && !stopped(); ++i) {
      if (found_[i].has_value()) {
        continue;
      }
      const Detector& detector = options_.detectors[i];
      const std::string why = why_undefined(detector, model_);
      if (!why.empty()) {
        finish(i, {.detector = detector, .undefined = why});
      } else if (detector.reading) {
        share_pass(i);
      } else {
        look(i);
      }
    }
    std::vector<Detection> result;
    for (auto& each : found_) {
      if (each.has_value()) {
        result.push_back(std::move(*each));
      }
    }
    return result;
  }

 private:
  [[nodiscard]] bool stopped() const { return options_.stop && options_.stop(); }

  void finish(std::size_t i, Detection detection) {
    detection.fingerprint = fingerprint(detection.detector);
    note_share(detection);
    found_[i] = std::move(detection);
    ++finished_;
    if (options_.finished) {
      options_.finished(*found_[i]);
    }
  }

  // `part` of the step that `steps` detectors share.
  void show(const std::string& step, double part, std::size_t steps) const {
    if (options_.progress) {
      options_.progress(step,
                        (static_cast<double>(finished_) + part * static_cast<double>(steps)) /
                            static_cast<double>(found_.size()));
    }
  }

  // Why a detector did not run: of the exception being handled.
  static void explain(Detection& detection) {
    try {
      throw;
    } catch (const UndefinedForModel& error) {
      detection.undefined = error.what();
    } catch (const Error& error) {
      fail(detection, error.what(), error.exit_code());
    } catch (const c10::Error& error) {
      fail(detection, error.what_without_backtrace(), InternalError("").exit_code());
    } catch (const std::bad_alloc&) {
      fail(detection, "out of memory", ResourceError("").exit_code());
    } catch (const std::exception& error) {
      fail(detection, error.what(), InternalError("").exit_code());
    }
  }

  static void fail(Detection& detection, const std::string& message, int exit_code) {
    detection.failed = message.substr(0, message.find('\n'));
    if (detection.failed.empty()) {
      detection.failed = "an error without a message";
    }
    detection.exit_code = exit_code;
  }

  // A span that prompts lack is the fault of the one reading that asks for it.
  void leave_out_misspelt(const Probe& probe) {
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const Detector& detector = options_.detectors[i];
      if (found_[i].has_value() || !detector.reading || detector.reading->probe != probe ||
          detector.reading->asks.spans.empty()) {
        continue;
      }
      try {
        const std::string span = missing_span(model_, *detector.reading, options_.seeds.front());
        if (!span.empty()) {
          Detection detection{.detector = detector};
          fail(detection,
               fmt::format("a prompt of {} has no span \"{}\"", to_string(probe), span),
               DataError("").exit_code());
          finish(i, std::move(detection));
        }
      } catch (const std::exception&) {
        return;  // the pass itself will say what is the matter with the prompts
      }
    }
  }

  // Every unfinished reading of the same probe as that of detector `first`.
  void share_pass(std::size_t first) {
    const Probe probe = options_.detectors[first].reading->probe;
    std::vector<std::size_t> together;
    leave_out_misspelt(probe);
    for (std::size_t i = first; i < found_.size(); ++i) {
      const Detector& detector = options_.detectors[i];
      const bool defined = why_undefined(detector, model_).empty();
      if (!found_[i].has_value() && defined && detector.reading &&
          detector.reading->probe == probe) {
        together.push_back(i);
      }
    }
    if (!together.empty()) {
      read_together(probe, together);
    }
  }

  void read_together(const Probe& probe, const std::vector<std::size_t>& together) {
    const Clock::time_point start = Clock::now();
    Detection none;
    std::vector<ReadingResult> results;
    try {
      results = one_pass(probe, together);
    } catch (...) {
      explain(none);
    }
    if (stopped()) {
      return;
    }
    if (!none.failed.empty() && together.size() > 1) {
      // One of them is at fault: alone, the others show what they find.
      for (const std::size_t i : together) {
        if (!stopped()) {
          read_together(probe, {i});
        }
      }
      return;
    }
    none.seconds = since(start) / static_cast<double>(together.size());
    for (std::size_t n = 0; n < together.size(); ++n) {
      Detection detection = none;
      detection.detector = options_.detectors[together[n]];
      if (none.ran()) {
        summarise(detection, std::move(results[n].finding), heads_, options_.seeds.front());
        note_groups(detection, results[n].groups, heads_);
      }
      finish(together[n], std::move(detection));
    }
  }

  [[nodiscard]] std::vector<ReadingResult> one_pass(
      const Probe& probe, const std::vector<std::size_t>& together) const {
    std::vector<const Reading*> readings;
    for (const std::size_t i : together) {
      readings.push_back(&*options_.detectors[i].reading);
    }
    return read_probe(
        model_,
        probe,
        readings,
        {.seeds = options_.seeds,
         .batch_tokens = options_.batch_tokens,
         .stop = options_.stop,
         .progress = [&](double part) { show(to_string(probe), part, together.size()); },
         .statistics = options_.statistics});
  }

  // How often the parts of the model's standing change fired so far, together.
  [[nodiscard]] std::int64_t fired() const {
    std::int64_t sum = 0;
    for (const auto& part :
         model_.standing() ? model_.standing()->fired() : std::vector<StandingChange::Fired>()) {
      sum += part.values;
    }
    return sum;
  }

  // Scores of a changed model that are those of the unchanged one say so.
  void note_untouched(Detection& detection, std::int64_t fired_before) const {
    if (model_.standing() && detection.ran() && fired() == fired_before) {
      detection.notes[kUntouched] = true;
    }
  }

  void look(std::size_t i) {
    const Detector& detector = options_.detectors[i];
    show(detector.name, 0.0, 1);
    const Clock::time_point start = Clock::now();
    const std::int64_t fired_before = fired();
    Detection detection{.detector = detector};
    try {
      Finding finding = detector.run({model_, options_.seeds, options_.stop});
      if (stopped()) {
        return;
      }
      refuse_not_finite(finding.scores, heads_, model_);
      summarise(detection, std::move(finding), heads_, options_.seeds.front());
    } catch (...) {
      explain(detection);
    }
    detection.seconds = since(start);
    note_untouched(detection, fired_before);
    finish(i, std::move(detection));
  }

  const Model& model_;
  const DetectOptions& options_;
  HeadGrid heads_;
  std::vector<std::optional<Detection>> found_;
  std::size_t finished_ = 0;
};

}  // namespace

bool Detection::has_role(const HeadId& head) const {
  return detector.threshold && score[head] >= *detector.threshold &&
         (control.empty() || low[head] > control[head]);
}

std::vector<HeadId> Detection::top(std::size_t count) const {
  return top_heads(score, count);
}

std::vector<HeadId> Detection::with_role() const {
  std::vector<HeadId> heads = ranked_heads(score);
  std::erase_if(heads, [&](const HeadId& head) { return !has_role(head); });
  return heads;
}

std::vector<Detection> detect(const Model& model, const DetectOptions& options) {
  if (options.seeds.empty() || options.detectors.empty()) {
    throw UsageError("detect needs at least one seed and one detector");
  }
  return DetectRun(model, options).run();
}

}  // namespace headscope
