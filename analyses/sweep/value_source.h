// What a cell's value is replaced by, batch by batch.
#pragma once

#include <string>
#include <vector>

#include "analyses/sweep/prompt_batch.h"
#include "analyses/sweep/run_values.h"
#include "analyses/sweep/site_change.h"
#include "lib/base/run.h"

namespace headscope {

// Both unchanged runs of a batch.
struct BatchRuns {
  const PromptBatch& batch;
  RunValues clean;
  RunValues corrupted;

  [[nodiscard]] const RunValues& of(Run run) const { return run == Run::clean ? clean : corrupted; }
};

class ValueSource {
 public:
  virtual ~ValueSource() = default;

  // Of `forms`, the forms in which the swept site is wanted, those to keep of `run`.
  [[nodiscard]] virtual std::vector<Site> sites(Run run, const std::vector<Site>& forms) const = 0;

  // What it returns lives as long as `runs`.
  [[nodiscard]] virtual Replacement of_batch(const BatchRuns& runs) const = 0;

  // Several replacements of one value, each a cell of its own, such as one a feature of an
  // autoencoder: the axis of the grid that tells them apart. None without labels, as by default.
  struct Variants {
    std::string axis;
    std::vector<std::string> labels;
  };
  [[nodiscard]] virtual Variants variants() const { return {}; }
  // One a label, as of_batch(); where there are none, of_batch() alone.
  [[nodiscard]] virtual std::vector<Replacement> by_variant(const BatchRuns& runs) const {
    return {of_batch(runs)};
  }

  // True if the replacement is the changed run's own value where both prompts are the same so far:
  // nothing can change before batch.first_difference.
  [[nodiscard]] virtual bool same_before_difference() const = 0;
};

// The value of the other run: activation patching (Vig et al. 2020, arXiv:2004.12265; Heimersheim &
// Nanda 2024, arXiv:2404.15255).
class OtherRun final : public ValueSource {
 public:
  explicit OtherRun(Run from) : from_(from) {}
  [[nodiscard]] std::vector<Site> sites(Run run, const std::vector<Site>& forms) const override {
    return run == from_ ? forms : std::vector<Site>{};
  }
  [[nodiscard]] Replacement of_batch(const BatchRuns& runs) const override {
    return [&values = runs.of(from_)](Site site, std::int64_t layer, const Tensor&) {
      return values.at(site, layer);
    };
  }
  [[nodiscard]] bool same_before_difference() const override { return true; }

 private:
  Run from_;
};

// Nothing: zero ablation.
class Zero final : public ValueSource {
 public:
  [[nodiscard]] std::vector<Site> sites(Run, const std::vector<Site>&) const override { return {}; }
  [[nodiscard]] Replacement of_batch(const BatchRuns& runs) const override;
  [[nodiscard]] bool same_before_difference() const override { return false; }
};

}  // namespace headscope
