#include "analyses/retrieval/shared_prefix.h"

#include <algorithm>

namespace headscope {
namespace {

constexpr std::size_t kCandidates = 32;
constexpr std::int64_t kChunk = 8192;  // columns in one pass: bounds what a long prompt takes

std::int64_t in_common(const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return end - a.begin();
}

// What a prompt would not have to run: its last two tokens it always runs, one here and one in
// decoding.
std::int64_t spared(const std::vector<std::int32_t>& base,
                    const std::vector<std::int32_t>& tokens) {
  return std::min(in_common(base, tokens), static_cast<std::int64_t>(tokens.size()) - 2);
}

void extend(const Model& model, KvCache& cache, std::vector<std::int32_t> tokens, Tap& tap) {
  model.forward(
      Batch({std::move(tokens)}), tap, {.logits = Logits::none, .cache = &cache, .chunk = kChunk});
}

}  // namespace

std::vector<std::int32_t> shared_tokens(const std::vector<RetrievalPrompt>& prompts) {
  std::vector<std::int32_t> best;
  std::int64_t most = 0;
  const std::size_t step = std::max<std::size_t>(1, prompts.size() / kCandidates);
  for (std::size_t i = 0; i < prompts.size(); i += step) {
    const std::vector<std::int32_t>& base = prompts[i].tokens;
    std::int64_t length = 0;
    std::int64_t sum = 0;
    for (std::size_t j = 0; j < prompts.size(); ++j) {
      const std::int64_t part = j == i ? 0 : spared(base, prompts[j].tokens);
      length = std::max(length, part);
      sum += part;
    }
    if (sum - length > most) {
      most = sum - length;
      best.assign(base.begin(), base.begin() + length);
    }
  }
  return best;
}

SharedPrefix::SharedPrefix(const Model& model, std::vector<std::int32_t> tokens)
    : model_(model), tokens_(std::move(tokens)), cache_(model.config()) {
  if (!tokens_.empty()) {
    NoTap nobody;
    extend(model, cache_, tokens_, nobody);
  }
}

KvCache SharedPrefix::prefill(const std::vector<std::int32_t>& tokens) {
  const std::int64_t ready = std::max<std::int64_t>(0, spared(tokens_, tokens));
  KvCache cache = cache_.slice(ready);
  NoTap nobody;
  extend(model_, cache, {tokens.begin() + ready, tokens.end() - 1}, nobody);
  return cache;
}

KvCache prefill(const Model& model, const std::vector<std::int32_t>& tokens, Tap& tap) {
  KvCache cache(model.config());
  extend(model, cache, {tokens.begin(), tokens.end() - 1}, tap);
  return cache;
}

}  // namespace headscope
