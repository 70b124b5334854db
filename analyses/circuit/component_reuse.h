// What one task's circuit lacks beside another's that shares its heads: on prompts of coloured
// objects, the inhibition heads and the negative mover of IOI are made to look where they would
// serve, and the movers behind them turn to the right colour (Merullo et al. 2023,
// arXiv:2310.08744, section 5).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/task/task.h"
#include "lib/base/head_id.h"
#include "lib/model/model.h"

namespace headscope {

struct ReuseHeads {
  std::vector<HeadId> inhibition;  // of IOI's circuit
  std::vector<HeadId> negative;    // its negative movers
  std::vector<HeadId> movers;      // heads downstream that copy a colour: only looked at
  std::string origin;              // "published for GPT-2 medium"

  [[nodiscard]] std::vector<HeadId> set() const;  // those whose attention is set
};

struct ReuseOptions {
  std::int64_t items = 100;           // prompts of coloured objects
  std::int64_t discovery_items = 24;  // prompts that heads are found on
  std::uint64_t seed = 0;
  std::int64_t draws = 10;       // of random heads
  std::vector<HeadId> heads{};   // whose attention is set; empty: published, or found
  std::vector<HeadId> movers{};  // likewise
  std::int64_t memory = 0;       // of path patching
  std::function<void(const std::string& step, double part)> progress = {};
  std::function<bool()> stop = {};
};

struct MoverAttention {  // means over the prompts, from the last token
  double right = 0.0;    // to the colour that is asked for
  double wrong = 0.0;    // to the two others together
};

// The prompts with the attention of some heads set.
struct ReuseRun {
  std::string name;  // "as it is", "all set"
  std::vector<HeadId> set;
  std::vector<double> accuracy;  // of each prompt: 1 where an answer is the likeliest token of all
  std::vector<double> logit_diff;      // of each prompt
  std::vector<MoverAttention> movers;  // of each of ReuseHeads::movers
};

struct ComponentReuse {
  ReuseHeads heads;
  std::string task_hash;
  std::vector<ReuseRun> runs;    // as it is; all set; then each of the two kinds, if there are both
  std::vector<ReuseRun> random;  // as many other heads of the same layers set, a run a draw
  bool stopped = false;
};

// The heads of GPT-2 medium that the paper set and looked at; those of another model are found by
// path patching on its IOI and coloured-objects prompts: the three S-inhibition heads and the
// negative mover of the largest effects, and at most five movers. Heads are those of `options`
// where it names some. Throws UsageError for a head that the model does not have, and if none is
// found.
ReuseHeads reuse_heads(const Model& model, const ReuseOptions& options);

// Coloured objects, none of the prompts that heads are found on.
Task reuse_prompts(const Tokenizer& tokenizer, const ReuseOptions& options);

// Makes the prompts that component_reuse() would, and runs nothing. Throws what make_task() does.
void check_component_reuse(const Tokenizer& tokenizer, const ReuseOptions& options);

// Each head's attention from the last token becomes ½ on each of the two wrong colours and 0
// elsewhere, which is all that is changed: inhibition heads tell those behind them what not to
// copy, the negative mover writes against what it reads.
ComponentReuse component_reuse(const Model& model, const ReuseOptions& options);

// The same of prompts and heads at hand. The prompts have the spans C1, C2 and C3. UsageError if no
// head's attention is to be set, or the model has not as many others.
ComponentReuse component_reuse(const Model& model,
                               const Task& task,
                               const ReuseHeads& heads,
                               const ReuseOptions& options);

// One such run of a task with the spans C1, C2 and C3. Throws DataError for an item of which not
// exactly one of the three is the answer.
ReuseRun run_with_set(const Model& model,
                      const Task& task,
                      const std::vector<HeadId>& set,
                      const std::vector<HeadId>& movers);

// The share of the prompts that were right before and are wrong now.
double new_errors(const ReuseRun& before, const ReuseRun& after);

}  // namespace headscope
