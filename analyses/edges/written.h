// What the writers of a run wrote to the residual stream, in the form products are made of.
#pragma once

#include <vector>

#include "analyses/edges/edge_graph.h"
#include "lib/model/model.h"
#include "lib/model/tap.h"

namespace headscope {

// B rows of T columns, all f32. Where values stand for those of any run (a mean, zero), B and T are
// 1.
struct Written {
  Tensor embed;                 // [B, T, d_model], of input_point()
  std::vector<Tensor> carried;  // of each layer [B, T, H, E]: z, or what of it enters the stream
  std::vector<Tensor> mlp_out;  // of each layer [B, T, d_model]; empty of a model without MLPs
};

// What one layer's heads write is `carried` times this, [H, E, d_model] f32, whatever the run. In a
// model without norms after attention E is d_head, `carried` is z and this is W_O. Where there is
// such a norm (Gemma 2, 3), a head's share of what enters the stream is its result times the norm's
// gain, divided by what the norm of all heads' sum divides by in that run: `carried` is z divided
// by it, and an E of d_head + 1 holds its part of b_O. So the shares of all heads sum to
// hook_attn_out, but for b_O of models without such norms, which is in every run the same.
Tensor head_outputs(const Model& model, std::int64_t layer);

// z [B, T, H, d_head] → `carried`; `scale` [B, T, 1] is ln1_post.hook_scale, undefined where there
// is none.
Tensor carried_by_heads(const Model& model,
                        std::int64_t layer,
                        const Tensor& z,
                        const Tensor& scale);

// [n, E] a head as [H, n, E] → [H, n, d_model]: `carried` [B, T, H, E] with rows and columns
// flattened.
Tensor head_shares(const Tensor& carried, const Tensor& outputs);

// Where the input is read off: hook_embed, so that the positions are nobody's; but where a norm
// joins token and position, the first residual stream.
HookPoint input_point(const ModelConfig& config);

// Keeps what a run writes.
class WrittenTap final : public Tap {
 public:
  explicit WrittenTap(const Model& model);

  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;

  Written written;

 private:
  const Model& model_;
};

// Every position of one batch of prompts.
Written written_by(const Model& model, const Batch& batch);

// 1 at the tokens of a prompt over their number, 0 at padding [B, T, 1].
Tensor weights_of_tokens(const BatchLayout& layout, const at::Device& device);

// The mean over the tokens of each prompt, and over prompts, weighted by `share` (1 / prompts), is
// added to `sum`, which starts undefined.
void add_mean(Written& sum, const Written& run, const BatchLayout& layout, double share);

// Values that stand for any run: nothing is written.
Written nothing_written(const Model& model);

}  // namespace headscope
