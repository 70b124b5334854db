// What a sweep keeps of an unchanged run.
#pragma once

#include <map>
#include <vector>

#include "hooks/stored_run.h"
#include "lib/model/model.h"

namespace headscope {

// Where the values of an unchanged run come from: a forward pass of the model, or a trace of
// one, which must hold the prompts (StoredRun::check). Both live as long as this.
struct RunSource {
  RunSource(const Model& of, const StoredRun* trace = nullptr)  // NOLINT: a model is a source
      : model(of), stored(trace) {}

  const Model& model;
  const StoredRun* stored = nullptr;
};

struct RunOptions {
  std::vector<Site> sites;          // of every layer
  std::int64_t first_column = 0;    // nothing of the columns before is kept, keys and values apart
  std::vector<std::int64_t> vocab;  // logits of these tokens alone; empty: all
};

class RunValues {
 public:
  // Runs the batch, or reads it from the trace: f32 then, as the model computed it up to the
  // trace's rounding, and without logits.
  RunValues(const RunSource& from, const Batch& batch, const RunOptions& options);

  // [B, V] f32, at the last column; undefined of a trace.
  [[nodiscard]] const Tensor& logits() const { return logits_; }

  // Axes as info(site).axes says, "pos" and "query" from first_column on. InternalError if the site
  // was not asked for.
  [[nodiscard]] const Tensor& at(Site site, std::int64_t layer) const;

 private:
  void read(const RunSource& from, const Batch& batch, const RunOptions& options);

  Tensor logits_;
  std::map<std::pair<Site, std::int64_t>, Tensor> values_;
};

// Where queries and keys are seen as attention compares them: rot_q and rot_k if the model rotates
// them, else q and k.
Site attention_q_site(const ModelConfig& config);
Site attention_k_site(const ModelConfig& config);

}  // namespace headscope
