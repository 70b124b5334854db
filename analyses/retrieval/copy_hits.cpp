#include "analyses/retrieval/copy_hits.h"

namespace headscope {

CopyHits::CopyHits(const RetrievalPrompt& prompt, std::size_t heads)
    : prompt_(prompt), hits_(heads), copied_(heads) {}

void CopyHits::step(std::int32_t token, const std::vector<std::int64_t>& keys, std::size_t top_k) {
  for (std::size_t head = 0; head < hits_.size(); ++head) {
    for (std::size_t i = 0; i < top_k; ++i) {
      const std::int64_t key = keys[head * top_k + i];
      if (key >= prompt_.needle.begin && key < prompt_.needle.end &&
          prompt_.tokens[static_cast<std::size_t>(key)] == token) {
        ++hits_[head];
        copied_[head].insert(token);
        break;
      }
    }
  }
}

std::vector<double> CopyHits::count() const {
  const auto length = static_cast<double>(prompt_.needle.end - prompt_.needle.begin);
  std::vector<double> scores;
  for (const std::int64_t hits : hits_) {
    scores.push_back(static_cast<double>(hits) / length);
  }
  return scores;
}

std::vector<double> CopyHits::set() const {
  const std::set<std::int32_t> needle(prompt_.tokens.begin() + prompt_.needle.begin,
                                      prompt_.tokens.begin() + prompt_.needle.end);
  std::vector<double> scores;
  for (const std::set<std::int32_t>& copied : copied_) {
    scores.push_back(static_cast<double>(copied.size()) / static_cast<double>(needle.size()));
  }
  return scores;
}

}  // namespace headscope
