// The attention half of a block: project, place, attend, write.
#include "lib/attention/attention.h"

#include "lib/attention/suffix.h"
#include "lib/base/error.h"
#include "lib/kernels/linear.h"
#include "lib/kernels/norm.h"
#include "lib/model/attention_inputs.h"
#include "lib/model/pass.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

const BlockWeights& block_of(const Pass& pass, int layer) {
  return pass.weights.blocks[static_cast<std::size_t>(layer)];
}

// QK-norm and rotation: from what the heads asked to what they compare.
void place(Pass& pass, int layer, Qkv& qkv) {
  const BlockWeights& block = block_of(pass, layer);
  if (pass.config.qk_norm == QkNorm::per_head) {
    const double eps = pass.config.norm_eps;
    qkv.q = normalize(qkv.q, {block.q_norm, {}}, Norm::rms_norm, eps);
    qkv.k = normalize(qkv.k, {block.k_norm, {}}, Norm::rms_norm, eps);
  }
  if (pass.config.positions == Positions::rotary) {
    const int rope = pass.config.layers[static_cast<std::size_t>(layer)].rope;
    qkv.q = pass.see(Site::rot_q, layer, rotate(qkv.q, pass.rotary(rope)));
    qkv.k = rotate(qkv.k, pass.rotary(rope));
  }
}

void join_cache(Pass& pass, int layer, Qkv& qkv) {
  if (pass.cache != nullptr) {
    const auto [k, v] = pass.cache->append(layer, qkv.k, qkv.v);
    qkv.k = k;
    qkv.v = v;
  } else if (pass.prefix != nullptr) {
    const auto [k, v] = pass.prefix->join(layer, qkv.k, qkv.v);
    qkv.k = k;
    qkv.v = v;
  }
  if (pass.config.positions == Positions::rotary) {
    qkv.k = pass.see(Site::rot_k, layer, qkv.k);
  }
}

// z. An edit of scores or pattern takes the explicit path; looking at them forms them beside the
// fused one, whose answer stands.
Tensor attend(Pass& pass, int layer, const AttentionInputs& in) {
  const bool edited = pass.edited(Site::attn_scores, layer) || pass.edited(Site::pattern, layer);
  if (pass.attention_wanted(layer)) {
    if (edited) {
      throw UsageError(
          "{}: its statistics would be those from before the edit of it; take one away",
          hook_name(Site::pattern, layer));
    }
    pass.show_attention(layer, in);
  }
  if (!edited && !pass.wanted(Site::attn_scores, layer) && !pass.wanted(Site::pattern, layer)) {
    return fused_attention(in);
  }
  const Tensor scores = pass.see(Site::attn_scores, layer, attention_scores(in));
  if (edited || pass.wanted(Site::pattern, layer)) {
    const Tensor pattern = pass.see(Site::pattern, layer, attention_pattern(scores));
    if (edited) {
      return apply_pattern(pattern, in.v);
    }
  }
  return fused_attention(in);
}

bool looked_at(const Pass& pass, int layer) {
  return pass.attention_wanted(layer) || pass.wanted(Site::rot_k, layer) ||
         pass.wanted(Site::attn_scores, layer) || pass.wanted(Site::pattern, layer);
}

Tensor attended(Pass& pass, int layer, Qkv& qkv) {
  const double scale = pass.config.attn_scale;
  const double softcap = pass.config.score_softcap;
  const std::int64_t window = pass.config.layers[static_cast<std::size_t>(layer)].window;
  if (pass.prefix != nullptr && !looked_at(pass, layer)) {
    const SuffixInputs suffix{qkv.q, qkv.k, qkv.v, *pass.prefix, layer, {}, scale, softcap, window};
    if (suffix_attention_pays(suffix)) {
      SuffixInputs with_pads = suffix;
      with_pads.pads = pass.pads();
      return suffix_attention(with_pads);
    }
  }
  join_cache(pass, layer, qkv);
  Tensor hidden = pass.hidden(window);
  if (pass.narrow(layer) && hidden.defined()) {
    hidden = hidden.narrow(2, hidden.size(2) - 1, 1);
  }
  return attend(pass,
                layer,
                {.q = qkv.q,
                 .k = qkv.k,
                 .v = qkv.v,
                 .scale = scale,
                 .softcap = softcap,
                 .window = window,
                 .hidden = hidden});
}

// [B, T, H, d_head] → each head's share of the output [B, T, H, d_model], without b_O.
Tensor head_results(const Pass& pass, const Tensor& z, const Tensor& W_O) {
  const std::int64_t heads = pass.config.n_heads;
  const Tensor per_head = W_O.view({pass.config.d_model, heads, pass.config.d_head});
  const Tensor by_head = z.flatten(0, 1).transpose(0, 1);            // [H, B·T, d_head]
  const Tensor out = at::bmm(by_head, per_head.permute({1, 2, 0}));  // [H, B·T, d_model]
  return out.transpose(0, 1).view({z.size(0), z.size(1), heads, pass.config.d_model});
}

Tensor write_out(Pass& pass, int layer, const Tensor& z) {
  const BlockWeights& block = block_of(pass, layer);
  if (pass.wanted(Site::result, layer)) {
    const Tensor result = pass.see(Site::result, layer, head_results(pass, z, block.W_O));
    if (pass.edited(Site::result, layer)) {
      const Tensor sum = result.to(at::kFloat).sum(2);
      return block.b_O.defined() ? sum + block.b_O : sum;
    }
  }
  return linear_f32(z.flatten(2), block.W_O, block.b_O);
}

}  // namespace

Tensor run_attention(Pass& pass, int layer, const Tensor& resid) {
  if (const Tensor out = pass.supplied(Site::attn_out, layer); out.defined()) {
    return out;
  }
  Qkv qkv = project_qkv(pass, layer, resid);
  place(pass, layer, qkv);
  if (pass.narrow(layer)) {
    qkv.q = qkv.q.narrow(1, qkv.q.size(1) - 1, 1);
  }
  const Tensor z = pass.see(Site::z, layer, attended(pass, layer, qkv));
  Tensor out = pass.see(Site::attn_raw_out, layer, write_out(pass, layer, z));
  if (pass.config.norm_placement == NormPlacement::sandwich) {
    out = run_norm(pass,
                   {Site::ln1_post_scale, Site::ln1_post_normalized},
                   layer,
                   block_of(pass, layer).ln1_post,
                   out);
  }
  return pass.see(Site::attn_out, layer, out);
}

}  // namespace headscope
