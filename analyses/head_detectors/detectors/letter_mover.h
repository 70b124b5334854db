// Heads that look at the letter of the right choice.
#pragma once

#include "analyses/task/task.h"
#include "lib/model/model.h"

namespace headscope {

struct LetterMoving {
  Tensor attention;  // [items, n_layers, n_heads] f64: to the right letter less mean of the others
  Tensor control;    // the same, another letter taken for the right one
  Tensor direct;     // [n_layers, n_heads]: mean direct effect on right letter less the others
};

// Of prompts with a span for each letter, "LA", "LB", …, whose answers are those letters. Throws
// UsageError for an item whose answer is none of its letters, or that has fewer than two.
LetterMoving letter_moving(const Model& model, const Task& task);

// Share of items whose right letter has a higher logit than every wrong one.
double letter_accuracy(const Model& model, const Task& task);

}  // namespace headscope
