// Prompts written on by a model, several at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "cli/generate/generate_view.h"
#include "lib/model/standing_change.h"

namespace headscope {

struct GenerateOptions {
  SamplerOptions sampler{};
  StopRules stop{};
  std::shared_ptr<const StandingChange> change{};
  enum class Unchanged { leave_out, beside } unchanged = Unchanged::leave_out;
  std::int64_t samples = 1;       // of each prompt
  std::int64_t batch = 16;        // texts that run at once
  std::int64_t top_logprobs = 0;  // of each token
  KvKept keys = KvKept::by_plan;
  // Called with what is new and final of the one text that runs, where there is but one.
  std::function<void(std::string_view)> stream{};
};

struct GenerateResult {
  std::vector<GeneratedPrompt> prompts;
  std::int64_t tokens = 0;  // written
  double seconds = 0.0;     // spent writing them, prompts' passes included
  KvCache::Bytes kept{};    // keys and values of texts that ran together, at their fullest
};

// Each text is what it would be alone. Throws Interrupted between steps if the user asked.
GenerateResult generate(const Model& model,
                        const std::vector<Prompt>& prompts,
                        const GenerateOptions& options);

}  // namespace headscope
