// Activation patching from a trace: the values of the other run as `headscope record` kept them.
#pragma once

#include "analyses/sweep/value_source.h"
#include "hooks/stored_run.h"

namespace headscope {

class StoredSource final : public ValueSource {
 public:
  // `from` is the run that was recorded; its prompts and the sites that will be asked for must be
  // in the trace (StoredRun::check). Both outlive this.
  StoredSource(const Model& model, const StoredRun& stored, Run from)
      : model_(model), stored_(stored), from_(from) {}

  // Nothing of either run has to be kept.
  [[nodiscard]] std::vector<Site> sites(Run, const std::vector<Site>&) const override { return {}; }
  // Reads a layer of a site when it is first asked for, and keeps it.
  [[nodiscard]] Replacement of_batch(const BatchRuns& runs) const override;
  [[nodiscard]] bool same_before_difference() const override { return true; }

 private:
  const Model& model_;
  const StoredRun& stored_;
  Run from_;
};

}  // namespace headscope
