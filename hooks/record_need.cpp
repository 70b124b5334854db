#include "hooks/record_need.h"

#include <algorithm>

#include "hooks/recorded_points.h"
#include "lib/model/batch_plan.h"

namespace headscope {
namespace {

BatchShape shape_of(const std::vector<Prompt>& prompts, const std::vector<std::size_t>& rows) {
  const auto length = [&](std::size_t row) {
    return static_cast<std::int64_t>(prompts[row].tokens.size());
  };
  BatchShape shape{.rows = static_cast<std::int64_t>(rows.size())};
  for (const std::size_t row : rows) {
    shape.padded = shape.padded || length(row) != length(rows.front());
    shape.columns = std::max(shape.columns, length(row));
  }
  return shape;
}

// Going backwards keeps every layer's stream, and of one layer what its operators need.
double gradient_bytes(const ModelConfig& c, const BatchShape& shape) {
  const auto tokens = static_cast<double>(shape.rows * shape.columns);
  const std::int64_t streams = (c.n_layers + 1) * c.d_model * 4;
  const std::int64_t layer = backward_token_bytes(c, shape.columns, AttentionMaps::formed);
  return tokens * static_cast<double>(streams + layer);
}

// What waits for the disk: no more than the writer's bound, or than one value if that is larger, or
// than there is to write.
double queue_bytes(const ModelConfig& c,
                   const std::vector<Prompt>& prompts,
                   const std::vector<HookPoint>& points,
                   Logits logits,
                   std::int64_t one) {
  const double most =
      std::max(static_cast<double>(TraceWriter::Options{}.buffer_bytes), static_cast<double>(one));
  double all = 0.0;
  for (const Prompt& prompt : prompts) {
    if (all >= most) {
      return most;
    }
    const BatchShape own{.columns = static_cast<std::int64_t>(prompt.tokens.size())};
    all += static_cast<double>(watched_bytes(c, points, own)) +
           static_cast<double>(logits_bytes(c, own, logits));
  }
  return std::min(all, most);
}

}  // namespace

MemoryNeed record_need(const Model& model,
                       const std::vector<Prompt>& prompts,
                       const RecordOptions& options) {
  const ModelConfig& c = model.config();
  const RecordedPoints recorded = recorded_points(options.hooks, c);
  std::vector<HookPoint> points = recorded.values;
  points.insert(points.end(), recorded.gradients.begin(), recorded.gradients.end());
  MemoryNeed most;
  const BatchPlanOptions plan{.most_tokens = options.batch_tokens};
  for (const auto& rows : plan_batches(lengths_of(prompts), plan)) {
    const BatchShape shape = shape_of(prompts, rows);
    const BatchShape one{.columns = shape.columns};
    const std::int64_t job =
        std::max(largest_watched_bytes(c, points, one), logits_bytes(c, one, options.logits));
    MemoryNeed need = pass_need(c, model.dtype(), shape, options.logits, points);
    if (!recorded.gradients.empty()) {
      need.activations =
          whole_bytes(static_cast<double>(need.activations) + gradient_bytes(c, shape));
    }
    const double copied =
        model.device().is_cuda() ? static_cast<double>(need.watched + need.logits) : 0.0;
    need.host = whole_bytes(2.0 * static_cast<double>(job) + copied);
    if (need.total() >= most.total()) {
      most = need;
    }
  }
  const std::int64_t longest =
      largest_watched_bytes(c, points, {.columns = longest_prompt(prompts)});
  most.host = whole_bytes(static_cast<double>(most.host) +
                          queue_bytes(c, prompts, points, options.logits, longest));
  return most;
}

}  // namespace headscope
