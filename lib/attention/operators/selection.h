// Operators that leave keys out and nothing else.
#pragma once

#include "lib/attention/head_operator.h"

namespace headscope {

class KeySelection : public HeadOperator {
 public:
  [[nodiscard]] Tensor scores(const OperatorInputs& in, const Tensor& scores) const final;

 protected:
  // True where a key is left out, of those that are seen: broadcasts against `scores`. What it says
  // of keys that are not seen counts for nothing.
  [[nodiscard]] virtual Tensor left_out(const OperatorInputs& in, const Tensor& scores) const = 0;
};

// The k highest scores of each query [B, h, T, S] bool; all of its keys where it sees fewer.
// Exactly k: among equal scores some are chosen, always the same.
Tensor highest(const Tensor& scores, std::int64_t k);

}  // namespace headscope
