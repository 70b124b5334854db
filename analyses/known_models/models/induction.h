// What the two induction models share: their words, prompts and answers.
#pragma once

#include <string>
#include <vector>

#include "analyses/known_models/known_model.h"

namespace headscope {

extern const std::vector<std::string> kInductionLetters;
inline constexpr std::int64_t kInductionContext = 10;

// "x A B y C D z A" → B. Corrupted by what asks (the last A is C), by what is asked for (A and C
// exchanged before) or by what is found (B and D exchanged): the answer is then D.
std::vector<KnownItem> induction_items();

// The circuit of the induction head `head` ("a1.h0") that reads what a0.h0 wrote, a previous-token
// head.
KnownTruth induction_truth(const std::string& head);

}  // namespace headscope
