#include "analyses/discrete_codes/head_features.h"

#include "analyses/sweep/prompt_batch.h"
#include "analyses/sweep/run_values.h"
#include "lib/base/error.h"
#include "lib/model/post_norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// How much each column of each row counts, [rows, columns] f32 on the CPU: 1/T for a prompt's T own
// tokens, 0 for padding; or 1 for the last alone.
Tensor column_weights(const BatchLayout& layout, OverPositions over) {
  Tensor weights = at::zeros({layout.rows, layout.columns}, at::kFloat);
  if (over == OverPositions::last) {
    weights.select(1, layout.columns - 1).fill_(1.0);
    return weights;
  }
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    const std::int64_t length = layout.length(row);
    weights.select(0, row)
        .narrow(0, layout.columns - length, length)
        .fill_(1.0 / static_cast<double>(length));
  }
  return weights;
}

// z [B, T, H, d_head] → [B, H, d_model]. The mean is taken of z, since W_O is linear: no head's
// output is formed at every position.
Tensor written_by_heads(const Model& model,
                        std::int64_t layer,
                        const Tensor& z,
                        const Tensor& weights) {
  const ModelConfig& config = model.config();
  const Tensor mean =
      (z.to(at::kFloat) * weights.to(z.device()).unsqueeze(-1).unsqueeze(-1)).sum(1);
  // [H, d_head, d_model]
  const Tensor w_o = model.weights()
                         .blocks[static_cast<std::size_t>(layer)]
                         .W_O.to(at::kFloat)
                         .t()
                         .view({config.n_heads, config.d_head, config.d_model});
  const Tensor written = at::bmm(mean.transpose(0, 1), w_o).transpose(0, 1);
  return with_attention_gain(model, layer, written).to(at::kCPU, at::kFloat);
}

}  // namespace

Tensor head_features(const Model& model,
                     const std::vector<TaskItem>& items,
                     Run run,
                     const HeadFeatureOptions& options) {
  const ModelConfig& config = model.config();
  const auto count = static_cast<std::int64_t>(items.size());
  Tensor features = at::empty({count, config.n_layers, config.n_heads, config.d_model}, at::kFloat);
  for (const PromptBatch& batch : prompt_batches(items, options.batch_tokens)) {
    if (options.stop && options.stop()) {
      throw Interrupted();
    }
    const Batch& prompts = batch.of(run);
    const RunValues values({model, options.stored}, prompts, {.sites = {Site::z}, .vocab = {}});
    const Tensor weights = column_weights(prompts.layout(), options.over);
    for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
      features.select(1, layer).index_copy_(
          0,
          index_tensor(batch.items, at::kCPU),
          written_by_heads(model, layer, values.at(Site::z, layer), weights));
    }
    if (options.progress) {
      options.progress(batch.rows());
    }
  }
  return features.flatten(1, 2);
}

}  // namespace headscope
