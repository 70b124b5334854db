// The batches of a retrieval experiment under way: prefill, masks, decoding.
#pragma once

#include <optional>
#include <vector>

#include "analyses/retrieval/copy_hits.h"
#include "analyses/retrieval/retrieval.h"
#include "analyses/retrieval/retrieval_taps.h"
#include "analyses/retrieval/shared_prefix.h"
#include "hooks/intervention_tap.h"

namespace headscope {

// Thrown out of a batch that RetrievalOptions::stop ended: what it had is not whole.
struct RetrievalStopped {};

class RetrievalRun {
 public:
  RetrievalRun(const Model& model,
               const std::vector<RetrievalPrompt>& prompts,
               const RetrievalOptions& options)
      : model_(model), prompts_(prompts), options_(options) {}

  // The samples of one batch that are not done.
  std::vector<RetrievalSample> run(const PromptRows& rows);

 private:
  [[nodiscard]] bool done(const PromptRows& rows, std::size_t mask) const;
  KvCache prefilled(const PromptRows& rows, const HeadMask& mask);
  InterventionTap mask_tap(const HeadMask& mask, const PromptRows& rows);
  void stop_if_asked() const {
    if (options_.stop && options_.stop()) {
      throw RetrievalStopped();
    }
  }
  std::vector<RetrievalSample> decode(const PromptRows& rows, std::size_t mask, KvCache& cache);
  // `hits`: of the heads; null under a mask.
  void finish(RetrievalSample& sample, const CopyHits* hits) const;
  const NamedValues& means();

  const Model& model_;
  const std::vector<RetrievalPrompt>& prompts_;
  const RetrievalOptions& options_;
  std::optional<SharedPrefix> shared_;
  NamedValues means_;
};

}  // namespace headscope
