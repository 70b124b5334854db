// Which way in the vocabulary a prompt's answer lies: the number that is attributed, as weights of
// logits.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "analyses/task/task.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// logit_diff: mean logit of the answers less that of the wrong tokens, the metric of that name.
// answer_logit: mean logit of the answers, for tasks without wrong tokens.
enum class LogitTarget { logit_diff, answer_logit };
std::string_view to_string(LogitTarget target);

// `wanted`, or else logit_diff unless no item has wrong tokens. Throws UsageError naming the first
// item that lacks wrong tokens where they are needed.
LogitTarget logit_target(const std::vector<TaskItem>& items, std::optional<LogitTarget> wanted);

// Σ_v weights[b, v] · logit(tokens[v]) is the target of row b.
struct LogitDirection {
  std::vector<std::int64_t> tokens;  // [V′], each once, rising
  Tensor weights;                    // [B, V′] f32 on the CPU
};

// One row for each of `rows`, which number items.
LogitDirection direction_of(const std::vector<TaskItem>& items,
                            const std::vector<std::int64_t>& rows,
                            LogitTarget target);

}  // namespace headscope
