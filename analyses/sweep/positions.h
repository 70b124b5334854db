// Which tokens of each prompt a sweep changes.
#pragma once

#include <string>
#include <vector>

#include "analyses/sweep/prompt_batch.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// "all", "end" (the last token), a span's name ("S2", "IO"), or token numbers "3,5" (negative ones
// from the end).
struct PositionChoice {
  std::string text = "all";
};

// True at the columns of a batch that are changed, padding never: [B, T] bool on the CPU. Throws
// UsageError naming the span and the item that lacks it, or the position that is out of range.
Tensor chosen_columns(const PositionChoice& positions,
                      const PromptBatch& batch,
                      const std::vector<TaskItem>& items);

// The names of the spans that every item has, in the order of the first item's tokens.
std::vector<std::string> common_spans(const std::vector<TaskItem>& items);

// The same of one of them, which every item has.
Tensor columns_of_span(const std::string& name,
                       const PromptBatch& batch,
                       const std::vector<TaskItem>& items);

}  // namespace headscope
