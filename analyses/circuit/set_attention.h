// Attention of some heads, from the last token of prompts of coloured objects, set by hand, and
// that of others read.
#pragma once

#include <vector>

#include "analyses/sweep/prompt_batch.h"
#include "analyses/task/task.h"
#include "lib/base/head_id.h"
#include "lib/model/tap.h"

namespace headscope {

// Where the colours of a prompt stand, as token positions.
struct ColorPlaces {
  std::int64_t right = 0;
  std::vector<std::int64_t> wrong;
};
// By the spans C1, C2 and C3 of the clean prompt and the answers. Throws DataError naming the item
// if a span is missing, or not exactly one of them begins with an answer.
ColorPlaces color_places(const TaskItem& item);

// Of heads in `set`: ½ on each wrong colour from the last token, nothing elsewhere.
class SetAttention final : public Tap {
 public:
  SetAttention(const Task& task,
               const PromptBatch& batch,
               const std::vector<HeadId>& set,
               const std::vector<HeadId>& movers);

  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& pattern) override;

  // Of each of `movers`, summed over the rows.
  std::vector<double> right;
  std::vector<double> wrong;

 private:
  const std::vector<HeadId>& set_;
  const std::vector<HeadId>& movers_;
  Tensor to_right_;  // [B, T] f32: 1 at the column of the right colour
  Tensor to_wrong_;  // likewise, of the two others
};

}  // namespace headscope
