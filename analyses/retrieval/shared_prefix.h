// The beginning that many prompts have in common, run once.
#pragma once

#include <cstdint>
#include <vector>

#include "analyses/retrieval/retrieval.h"
#include "lib/model/model.h"

namespace headscope {

// The tokens whose keys spare the most columns if prompts go on from them; empty if none would.
std::vector<std::int32_t> shared_tokens(const std::vector<RetrievalPrompt>& prompts);

class SharedPrefix {
 public:
  SharedPrefix(const Model& model, std::vector<std::int32_t> tokens);

  // Keys and values of all tokens of a prompt but the last, which is decoding's first input.
  [[nodiscard]] KvCache prefill(const std::vector<std::int32_t>& tokens);

 private:
  const Model& model_;
  std::vector<std::int32_t> tokens_;
  KvCache cache_;
};

// The same from the first token on, with somebody watching.
KvCache prefill(const Model& model, const std::vector<std::int32_t>& tokens, Tap& tap);

}  // namespace headscope
