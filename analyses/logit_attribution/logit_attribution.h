// Direct logit attribution: how much each head, MLP, bias and embedding writes straight into the
// answer's logits.
//
// The residual stream behind the last block is a sum: token embedding (+ position) + every head's
// z W_O + every b_O + every MLP's output (Elhage et al. 2021, "A Mathematical Framework for
// Transformer Circuits"). With the divisor of the final norm frozen at what the whole stream makes
// it, the norm and W_U are linear, so a direction in the logits is a sum of one share a component
// and a constant (β W_U + b_U). Which heads write the answer of IOI: Wang et al. 2022,
// arXiv:2211.00593, section 3. What a component does through later layers is no part of its share
// (path patching and ablation measure that), and a frozen divisor leaves out what the norm would
// make of its absence.
//
// Sandwich norms (Gemma 2, 3): a head's output goes through a norm after attention, whose divisor
// is frozen as well, so that heads still sum to what attention adds. The share of an MLP is that of
// what it adds behind its own norm. Logit soft-caps are no sum: the logits before them are
// attributed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "analyses/logit_attribution/components.h"
#include "analyses/logit_attribution/direction.h"
#include "analyses/sweep/value_source.h"
#include "analyses/task/task.h"
#include "hooks/stored_run.h"
#include "lib/model/model.h"

namespace headscope {

struct LogitAttributionOptions {
  Run run = Run::clean;  // the one taken apart
  LogitTarget target = LogitTarget::logit_diff;
  // A trace of that run with attributed_sites_of_trace() (batch_shares.h), read instead of run;
  // null: it runs. The other run, whose target alone is wanted, always runs.
  const StoredRun* stored = nullptr;
  std::int64_t batch_tokens = 2048;  // the most tokens in one pass, but never less than a prompt
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // prompts
  std::function<bool()> stop = {};  // asked between passes; true ends early
};

struct LogitAttribution {
  std::vector<ResultAxis> axes;   // Components::axes()
  std::vector<double> shares;     // [cells, prompts]; NaN in cells that are no component
  std::vector<double> clean;      // [prompts] the target in the clean run
  std::vector<double> corrupted;  // [prompts] and in the corrupted one

  [[nodiscard]] std::vector<double>& target(Run run) {
    return run == Run::clean ? clean : corrupted;
  }
};

// At the last token of every prompt. Keeps the last column of z, MLP outputs and embeddings alone:
// O(B · layers · (n_heads d_head + d_model)), never [B, T, H, d_model]. Nothing if `stop` ended it.
// Throws UsageError as logit_target() does and if there are no items; DataError naming an item
// whose logits are not finite; InternalError naming one whose shares do not sum to its logits.
std::optional<LogitAttribution> attribute_logits(const Model& model,
                                                 const std::vector<TaskItem>& items,
                                                 const LogitAttributionOptions& options);

}  // namespace headscope
