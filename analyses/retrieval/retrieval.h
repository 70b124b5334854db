// Retrieval heads: those that, while the model copies a needle out of its context, look at the very
// token that is being written. Wu et al. 2024, "Retrieval Head Mechanistically Explains
// Long-Context Factuality", arXiv:2404.15574, §2.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analyses/retrieval/head_mask.h"
#include "hooks/trace/trace_schema.h"
#include "lib/base/head_scores.h"
#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

// At least 2 tokens. `id` ("c1024-d50-n0") tells prompts apart.
struct RetrievalPrompt : Prompt {
  Span needle{};         // the answer's tokens in the context
  std::string answer{};  // what the response is held against; empty: the tokens of the span
};

struct RetrievalOptions {
  std::int64_t top_k = 1;             // positions of each head's row that count; one hit a step
  std::int64_t max_new = 50;          // decode steps
  double pass = 50.0;                 // ROUGE-1 recall in percent above which a sample passes
  std::int64_t batch_tokens = 16384;  // tokens whose keys are decoded on together
  std::uint64_t seed = 0;             // of random masks

  // Each prompt is decoded once a mask; its unmasked run costs as one more. Empty: unmasked only.
  std::vector<HeadMask> masks{HeadMask{}};

  // Samples a run before has brought already: not run again and not among the results.
  std::function<bool(const HeadMask& mask, const RetrievalPrompt& prompt)> done{};
  std::function<bool()> stop{};  // asked between batches
};

// One prompt under one mask.
struct RetrievalSample {
  std::size_t prompt = 0;
  std::size_t mask = 0;
  double recall = 0.0;  // percent
  bool passed = false;
  std::string response{};
  std::vector<std::int32_t> tokens{};  // of the response
  // [n_layers × n_heads]; of unmasked runs only. A step is a hit of a head if one of the top_k keys
  // of its row lies in the needle and holds the token that the step writes.
  std::vector<double> count{};  // hits / needle length: repeats count again (the published code)
  std::vector<double> set{};    // distinct tokens hit / distinct tokens of the needle (the paper)
};

enum class ScoreForm { count, set };

struct RetrievalScores {
  HeadGrid grid;
  std::vector<RetrievalSample> samples;  // in the order of the masks, then of the prompts
  bool stopped = false;

  // A number a passed unmasked sample, as {"layer-head": [..]} has it.
  [[nodiscard]] std::vector<double> of_head(const HeadId& head, ScoreForm form) const;
  [[nodiscard]] HeadScores means(ScoreForm form) const;  // over them; 0 if there are none
  [[nodiscard]] std::int64_t passed() const;             // unmasked samples
};

using PromptRows = std::vector<std::size_t>;  // indices of prompts that are decoded together

// The batches that retrieval_scores() runs, which depend on the prompts and options.batch_tokens
// alone. Throws what it would before its first pass.
std::vector<PromptRows> retrieval_batches(const Model& model,
                                          const std::vector<RetrievalPrompt>& prompts,
                                          const RetrievalOptions& options);

// Greedy decoding from each prompt through a KV cache; rows of attention are formed in the decode
// steps alone. Prompts that begin alike share the prefill of what they have in common.
// `each`: told of every sample as its batch ends. Throws UsageError for a prompt of fewer than 2
// tokens or a needle outside it, and as Model::forward() does.
RetrievalScores retrieval_scores(const Model& model,
                                 const std::vector<RetrievalPrompt>& prompts,
                                 const RetrievalOptions& options = {},
                                 const std::function<void(const RetrievalSample&)>& each = nullptr);

}  // namespace headscope
