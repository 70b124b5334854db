#include "analyses/edges/edge_memory.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/memory.h"

namespace headscope {
namespace {

// Of gradients at what a layer's heads read: a sixteenth of the memory, within these.
constexpr std::int64_t kLeastBlock = 4 << 20;
constexpr std::int64_t kMostBlock = 512 << 20;

std::int64_t block_positions(const CircuitContext& context, std::int64_t steps) {
  const GraphShape& shape = context.graph.shape();
  const std::int64_t block = std::clamp(context.memory / 16, kLeastBlock, kMostBlock);
  return std::max<std::int64_t>(1, block / (steps * 3 * shape.n_heads * shape.d_model * 4));
}

}  // namespace

std::int64_t edge_bytes(const ModelConfig& c,
                        const EdgeGraph& graph,
                        const BatchShape& items,
                        std::int64_t steps,
                        std::int64_t chunk,
                        PathOf path) {
  const std::int64_t tokens = items.rows * items.columns;
  const std::int64_t heads = c.n_heads * c.d_head;
  const std::int64_t streams = tokens * (c.n_layers + 1) * c.d_model * 4 * (1 + steps);
  const std::int64_t held = path == PathOf::inputs ? 2 : 3;
  const std::int64_t written = tokens * c.n_layers * (heads + c.d_model) * 4 * held;
  const AttentionMaps maps = forms_scores(c) ? AttentionMaps::formed : AttentionMaps::fused;
  const std::int64_t backward = steps * tokens * backward_token_bytes(c, items.columns, maps);
  const std::int64_t positions = std::min(chunk, tokens);
  const std::int64_t readers = positions * steps * 3 * c.n_heads * c.d_model * 4 * 2;
  const std::int64_t writers = positions * (c.n_heads + 1) * c.d_model * 4 * 2;
  const std::int64_t projections = 3 * heads * c.d_model * 4 * 2;
  const std::int64_t scores = graph.n_writers() * graph.n_readers() * 8 * 2;
  return streams + written + backward + readers + writers + projections + scores;
}

EdgeMemory plan_edges(const CircuitContext& context, std::int64_t steps, PathOf path) {
  const ModelConfig& c = context.model.config();
  std::int64_t longest = 0;
  for (const TaskItem& item : context.task.items) {
    longest = std::max(longest, item.length());
  }
  const std::int64_t chunk = block_positions(context, steps);
  const auto bytes = [&](std::int64_t items) {
    const std::int64_t logits =
        context.scoring.metric().full_vocabulary ? 64 * c.d_vocab * steps : 0;
    const BatchShape shape{.rows = items, .columns = longest};
    return edge_bytes(c, context.graph, shape, steps, chunk, path) + items * logits;
  };
  if (bytes(1) > context.memory) {
    throw ResourceError(
        "--memory {} is too little: an item of {} tokens needs {}; allow more, or take shorter "
        "prompts{}",
        format_bytes(context.memory),
        longest,
        format_bytes(bytes(1)),
        steps > 1 ? " or fewer --steps" : "");
  }
  const std::int64_t enough = std::max<std::int64_t>(
      1, enough_tokens(context.model.device(), PassDirection::backwards) / (steps * longest));
  std::int64_t items = 1;
  while (items < enough && bytes(items + 1) <= context.memory) {
    ++items;
  }
  return {.batch_tokens = items * longest,
          .chunk = chunk,
          .difference_bytes = context.memory - bytes(items)};
}

}  // namespace headscope
