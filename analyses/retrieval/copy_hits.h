// Counts, while a prompt is decoded, how often each head looks at the token being written.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "analyses/retrieval/retrieval.h"

namespace headscope {

class CopyHits {
 public:
  CopyHits(const RetrievalPrompt& prompt, std::size_t heads);

  // `keys` [heads, top_k]: positions in the prompt of each head's strongest keys in the step that
  // wrote `token`. Negative positions, and those behind the prompt, are no hits.
  void step(std::int32_t token, const std::vector<std::int64_t>& keys, std::size_t top_k);

  [[nodiscard]] std::vector<double> count() const;  // RetrievalSample::count
  [[nodiscard]] std::vector<double> set() const;

 private:
  const RetrievalPrompt& prompt_;
  std::vector<std::int64_t> hits_;
  std::vector<std::set<std::int32_t>> copied_;
};

}  // namespace headscope
