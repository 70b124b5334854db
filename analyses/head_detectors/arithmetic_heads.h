// Heads whose direct paths to the logits carry the answer of a sum.
#pragma once

#include <cstdint>
#include <functional>

#include "analyses/task/task.h"
#include "lib/model/model.h"

namespace headscope {

struct ArithmeticHeads {
  Tensor drop;            // [items, n_layers, n_heads] f64; undefined: stopped, or no item is right
  double accuracy = 0.0;  // share of the task's items whose answer is the likeliest token
  std::int64_t items = 0;  // the right ones, which alone are patched
};

// Path patching head → logits at the last token (Zhang et al. 2024, arXiv:2409.01659, section 3):
// with the head's z there from the corrupted prompt, the answer's logit falls by `drop` of its mean
// size over the items. Nothing is patched where the accuracy is below `least_accuracy`.
ArithmeticHeads arithmetic_heads(const Model& model,
                                 const Task& task,
                                 double least_accuracy,
                                 const std::function<bool()>& stop = {});

}  // namespace headscope
