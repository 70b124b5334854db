#include "analyses/edges/edge_memory.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/memory.h"

namespace headscope {
namespace {

constexpr std::int64_t kBlockBytes = 128 << 20;  // of what the heads of a layer read
constexpr double kKeptShare = 0.4;               // of the memory, for differences that are kept

std::int64_t block_positions(const GraphShape& shape, std::int64_t steps) {
  return std::max<std::int64_t>(1, kBlockBytes / (steps * shape.n_heads * shape.d_model * 4));
}

}  // namespace

std::int64_t edge_bytes(const ModelConfig& c,
                        const EdgeGraph& graph,
                        const BatchShape& items,
                        std::int64_t steps,
                        std::int64_t chunk) {
  const std::int64_t tokens = items.rows * items.columns;
  const std::int64_t heads = c.n_heads * c.d_head;
  const std::int64_t streams = tokens * (c.n_layers + 1) * c.d_model * 4 * (1 + steps);
  const std::int64_t written = tokens * c.n_layers * (heads + c.d_model) * 4 * 3;
  const AttentionMaps maps = forms_scores(c) ? AttentionMaps::formed : AttentionMaps::fused;
  const std::int64_t backward = steps * tokens * backward_token_bytes(c, items.columns, maps);
  const std::int64_t positions = std::min(chunk, tokens);
  const std::int64_t readers = positions * steps * c.n_heads * c.d_model * 4 * 4;
  const std::int64_t writers = positions * (c.n_heads + 1) * c.d_model * 4 * 2;
  const std::int64_t projections = 3 * heads * c.d_model * 4 * 2;
  const std::int64_t scores = graph.n_writers() * graph.n_readers() * 8 * 2;
  return streams + written + backward + readers + writers + projections + scores;
}

EdgeMemory plan_edges(const CircuitContext& context, std::int64_t steps) {
  const ModelConfig& c = context.model.config();
  std::int64_t longest = 0;
  for (const TaskItem& item : context.task.items) {
    longest = std::max(longest, item.length());
  }
  const std::int64_t chunk = block_positions(context.graph.shape(), steps);
  const auto bytes = [&](std::int64_t items) {
    const std::int64_t logits =
        context.scoring.metric().full_vocabulary ? 64 * c.d_vocab * steps : 0;
    return edge_bytes(c, context.graph, {.rows = items, .columns = longest}, steps, chunk) +
           items * logits;
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
  const auto kept = static_cast<std::int64_t>(kKeptShare * static_cast<double>(context.memory));
  const std::int64_t enough = std::max<std::int64_t>(
      1, enough_tokens(context.model.device(), PassDirection::backwards) / (steps * longest));
  std::int64_t items = 1;
  while (items < enough && bytes(2 * items) < context.memory - kept) {
    items *= 2;
  }
  return {
      .batch_tokens = items * longest,
      .chunk = chunk,
      .difference_bytes = std::max<std::int64_t>(0, std::min(kept, context.memory - bytes(items)))};
}

}  // namespace headscope
