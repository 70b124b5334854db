// Whether representations of 0, 1, 2, … hold the last digit, and whether a head's output follows it
// (Gould et al. 2023, arXiv:2312.09230, section 3).
#pragma once

#include <cstdint>
#include <functional>

#include "lib/tensor/tensor.h"

namespace headscope {

// Held-out accuracy of a linear probe for index mod 10 from rows 0, 1, 2, … [N, d] (ridge
// regression onto the ten classes, five folds of whole decades apart). Chance is 0.1.
double mod10_probe(const Tensor& rows);

// Ordinal arithmetic: row i less the mean of its class mod 10, plus the mean of another class j,
// goes through `logits_of` ([n, d] → [n, N]); right if the likeliest number is the one nearest i
// that ends in j + 1. Share over all i ≥ 10 and j that are not i's own.
double mod10_arithmetic(const Tensor& rows, const std::function<Tensor(const Tensor&)>& logits_of);

// One such step: the last digit `from` becomes `to`, both 0 to 9 and different.
struct DigitMove {
  std::int64_t from = 0;
  std::int64_t to = 0;
};
// What is added to a row: the mean of the class `to` less that of `from`, [d].
Tensor digit_move(const Tensor& rows, const DigitMove& move);
// The share of mod10_arithmetic() of that step alone. NaN if no number i ≥ 10 that ends in `from`
// has one nearest of those that end in to + 1: 13 lies in the middle between 8 and 18.
double digit_move_accuracy(const Tensor& rows,
                           const DigitMove& move,
                           const std::function<Tensor(const Tensor&)>& logits_of);

inline constexpr std::int64_t kFewestNumbers = 40;

}  // namespace headscope
