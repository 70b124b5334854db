// From changed streams to logits: by going on (Continuation), or along chosen paths alone
// (analyses/path_patching).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "analyses/sweep/value_source.h"
#include "lib/model/model.h"

namespace headscope {

// Rows that enter a pass at one place.
struct ResidualRows {
  std::int64_t layer = 0;
  Resume::At at = Resume::At::layer;
  Tensor streams;  // [R, s, d_model] f32: the columns from the runner's first on
  Tensor row;      // [R] int64 on the device: the row of the batch each goes on from
};

class RowRunner {
 public:
  virtual ~RowRunner() = default;

  // The logits at the last column [rows of all, V] f32, in the order given, which must be that of
  // their layers, earliest first. Nothing if `stop` said so between two layers.
  [[nodiscard]] virtual std::optional<Tensor> logits(const std::vector<ResidualRows>& entering,
                                                     const std::vector<std::int64_t>& vocab,
                                                     const std::function<bool()>& stop) const = 0;
};

// A cell run by whole passes, without a shortcut.
struct WholeRun {
  const Model& model;
  const PromptBatch& prompts;
  const Batch& changed;  // those of the run that is changed
  const RunValues& run;  // it unchanged: sites_of_whole_run(), from column 0
  Tap& change;           // what the cell changes
  const std::vector<std::int64_t>& vocab;
};

// Makes a batch's runner.
class RowRunnerMaker {
 public:
  virtual ~RowRunnerMaker() = default;

  // What must be kept of the changed run, beside what its cells need.
  [[nodiscard]] virtual std::vector<Site> sites(const ModelConfig& config) const = 0;

  // The first column whose change matters, of those from `first` on.
  [[nodiscard]] virtual std::int64_t first_column(const PromptBatch& batch,
                                                  std::int64_t first) const = 0;

  // False if nothing the site writes in that layer can reach the end: its cells have no effect.
  [[nodiscard]] virtual bool reaches(Site site, std::int64_t layer) const = 0;

  // `run` and what is made share the batch's life. `first` is the first column of the streams.
  [[nodiscard]] virtual std::unique_ptr<RowRunner> make(const Model& model,
                                                        const RunValues& run,
                                                        std::int64_t kept_from,
                                                        const PromptBatch& batch,
                                                        std::int64_t first) const = 0;

  // The same by whole passes: slow, and right for a model that every pass of changes (--plain,
  // --intervene). Returns the logits at the last column [B, V] f32.
  [[nodiscard]] virtual Tensor whole_run(const WholeRun& in) const = 0;
  // What must be kept of the run that is changed.
  [[nodiscard]] virtual std::vector<Site> sites_of_whole_run() const = 0;
  // Throws UsageError for a model whose changes whole_run() could not follow.
  virtual void check_whole_run(const Model& model) const = 0;
};

}  // namespace headscope
