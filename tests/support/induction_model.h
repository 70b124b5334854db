// A transformer of two layers with weights written by hand, so that it is known what each head
// does:
//
//   0.1  previous-token head: attends to the token before and writes it into a subspace of its own
//   1.2  induction head: its key reads that subspace (K-composition), its query the token, so it
//        attends behind the earlier copy of the token; it writes the token there as the answer
//   0.2  writes its own token, 1.0 the first token, into a subspace nobody reads
//
// The others attend but have no W_O, and the MLPs write nothing. So on "… A B … A" the logit of B
// is kInductionLogit and all others 0 (Elhage et al. 2021, "A Mathematical Framework"; Olsson et
// al. 2022, arXiv:2209.11895).
#pragma once

#include <cstdint>

#include "lib/model/model.h"

namespace headscope::test {

inline constexpr std::int64_t kInductionHeads = 4;  // of each layer
inline constexpr TokenId kInductionVocab = 24;      // 0 begins every prompt
inline constexpr double kInductionLogit = 10.0;

inline constexpr HeadId kPreviousTokenHead{0, 1};
inline constexpr HeadId kInductionHead{1, 2};

// 4 KV heads, or 2, each shared by two heads: (0, 1) and (2, 3). `size`: of the vocabulary, and the
// longest prompt.
Model induction_model(std::int64_t n_kv_heads = kInductionHeads,
                      std::int64_t size = kInductionVocab);

}  // namespace headscope::test
