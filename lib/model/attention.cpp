// The attention half of a block: project, place, attend, write.
#include "lib/attention/attention.h"

#include "lib/attention/suffix.h"
#include "lib/base/error.h"
#include "lib/kernels/linear.h"
#include "lib/model/pass.h"
#include "lib/model/qkv.h"
#include "lib/model/two_part_attention.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

const BlockWeights& block_of(const Pass& pass, int layer) {
  return pass.weights.blocks[static_cast<std::size_t>(layer)];
}

// QK-norm and rotation: from what the heads asked to what they compare.
void norm_and_rotate(Pass& pass, int layer, Qkv& qkv) {
  const bool rotary = pass.config.positions == Positions::rotary;
  const RotaryTable* table = has_rope(pass.config, layer) ? &pass.rotary_of(layer) : nullptr;
  const auto as_compared = [&](HeadInput part, const Tensor& x) {
    const HeadRange all{0, x.size(2)};
    return normed_and_rotated(pass.config, block_of(pass, layer), part, all, x, table);
  };
  qkv.q = as_compared(HeadInput::q, qkv.q);
  qkv.q = rotary ? pass.see(Site::rot_q, layer, qkv.q) : qkv.q;
  qkv.k = as_compared(HeadInput::k, qkv.k);
}

// What was kept of earlier columns is what it would be again only if they saw nothing later.
void check_causal(const Pass& pass, int layer) {
  const bool continues = pass.layout.past > 0;
  if (continues && !is_causal(pass.attention.spec(layer))) {
    throw UsageError(
        "layer {} attends to later tokens too, so a prompt runs whole: leave out the KV cache, "
        "chunks and kept prefixes",
        layer);
  }
}

void join_cache(Pass& pass, int layer, Qkv& qkv) {
  if (pass.placed() != nullptr) {
    const auto [k, v] = pass.cache->put(layer, qkv.k, qkv.v, pass.placed()->column);
    qkv.k = k;
    qkv.v = v;
  } else if (pass.cache != nullptr) {
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

// z, where a tap edits scores or pattern: by the explicit path.
Tensor attend_edited(Pass& pass, int layer, const AttentionInputs& in) {
  if (pass.attention_wanted(layer)) {
    throw UsageError("{}: its statistics would be those from before the edit of it; take one away",
                     hook_name(Site::pattern, layer));
  }
  const Tensor scores = pass.see(Site::attn_scores, layer, attention_scores(in));
  return apply_pattern(pass.see(Site::pattern, layer, attention_pattern(scores, in.spec)), in.v);
}

// z. Looking at scores and pattern forms them beside the fused path, whose answer stands; scaling
// and adding to scores stays on it.
Tensor attend(Pass& pass, int layer, AttentionInputs in) {
  const bool fused = pass.scores_changed_fused(layer);
  if (pass.edited(Site::pattern, layer) || (pass.edited(Site::attn_scores, layer) && !fused)) {
    return attend_edited(pass, layer, in);
  }
  if (fused) {
    pass.change_scores(layer, in);
  }
  FusedAttention fused_z;
  if (pass.attention_wanted(layer)) {
    fused_z = fused_attention_with_lse(in);
    in.lse = fused_z.lse;
    pass.show_attention(layer, in);
  }
  const bool scores_wanted = pass.wanted(Site::attn_scores, layer) && !fused;
  if (scores_wanted || pass.wanted(Site::pattern, layer)) {
    Tensor scores = attention_scores(in);
    scores = scores_wanted ? pass.see(Site::attn_scores, layer, scores) : scores;
    if (pass.wanted(Site::pattern, layer)) {
      pass.see(Site::pattern, layer, attention_pattern(scores, in.spec));
    }
  }
  return fused_z.z.defined() ? fused_z.z : fused_attention(in);
}

bool looked_at(const Pass& pass, int layer) {
  return pass.attention_wanted(layer) || pass.wanted(Site::rot_k, layer) ||
         pass.wanted(Site::attn_scores, layer) || pass.wanted(Site::pattern, layer);
}

// z by the kernel for few columns on a kept prefix, where that is faster; else undefined.
Tensor suffix_attended(Pass& pass, int layer, const Qkv& qkv) {
  const auto index = static_cast<std::size_t>(layer);
  if (pass.prefix == nullptr || index >= pass.prefix->layers.size() || looked_at(pass, layer)) {
    return {};
  }
  const KvPrefix& prefix = *pass.prefix;
  const KvPrefix::Entry& kept = prefix.layers[index];
  SuffixInputs suffix{.q = qkv.q,
                      .k = qkv.k,
                      .v = qkv.v,
                      .kept_k = kept.k,
                      .kept_v = kept.v,
                      .past = prefix.columns,
                      .row = prefix.row.defined() ? prefix.row.to(qkv.q.device()) : Tensor(),
                      .pads = {},
                      .spec = pass.attention.spec(layer)};
  if (!suffix_attention_pays(suffix)) {
    return {};
  }
  suffix.pads = pass.pads(layer);
  return suffix_attention(suffix);
}

Tensor attended(Pass& pass, int layer, Qkv& qkv) {
  check_causal(pass, layer);
  if (pass.cache != nullptr && pass.cache->streams(layer)) {
    if (looked_at(pass, layer) || pass.edited(Site::attn_scores, layer)) {
      throw UsageError(
          "layer {}: heads of it keep the first and the last tokens alone, so nobody can look at "
          "or "
          "change what they ask of all keys: keep every key (--kv-cache whole)",
          layer);
    }
    return two_part_attention(pass, layer, qkv);
  }
  if (const Tensor z = suffix_attended(pass, layer, qkv); z.defined()) {
    return z;
  }
  join_cache(pass, layer, qkv);
  return attend(pass, layer, pass.attention.inputs(layer, qkv));
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
  norm_and_rotate(pass, layer, qkv);
  if (pass.last_position_only(layer)) {
    qkv.q = qkv.q.narrow(1, qkv.q.size(1) - 1, 1);
  }
  const Tensor z = pass.see(Site::z, layer, attended(pass, layer, qkv));
  const Tensor written = pass.see(Site::attn_raw_out, layer, write_out(pass, layer, z));
  const Tensor out = run_post_norm(pass,
                                   {Site::ln1_post_scale, Site::ln1_post_normalized},
                                   layer,
                                   block_of(pass, layer).ln1_post,
                                   written);
  return pass.see(Site::attn_out, layer, out);
}

}  // namespace headscope
