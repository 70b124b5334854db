// Runs what `headscope niah` was asked for, taking up what its log has.
#pragma once

#include <vector>

#include "cli/niah/niah_log.h"
#include "cli/niah/niah_options.h"
#include "cli/niah/niah_result.h"
#include "cli/verb.h"

namespace headscope {

class NiahRun {
 public:
  NiahRun(const NiahVerbOptions& options,
          const Invocation& invocation,
          const Model& model,
          NiahResult& result,
          NiahLog& log)
      : options_(options), invocation_(invocation), model_(model), result_(result), log_(log) {
    for (const NiahPrompt& prompt : result.prompts) {
      prompts_.push_back(prompt.prompt);
    }
    result_.scores.layers = model.config().n_layers;
    result_.scores.heads = model.config().n_heads;
  }

  // The samples of result.masks[first …]; throws Interrupted.
  void run(std::size_t first);

 private:
  void take_logged(std::size_t first);
  RetrievalOptions retrieval_options(std::size_t first) const;

  const NiahVerbOptions& options_;
  const Invocation& invocation_;
  const Model& model_;
  NiahResult& result_;
  NiahLog& log_;
  std::vector<RetrievalPrompt> prompts_;
};

// Runs what is asked for: in one go where a file ranks the heads, else without masks first.
void run_all(NiahRun& run, const MaskPlan& plan, NiahResult& result, const ModelConfig& config);

}  // namespace headscope
