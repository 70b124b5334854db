#include "lib/model/qkv.h"

#include <array>

#include "lib/base/error.h"
#include "lib/kernels/linear.h"
#include "lib/model/batch_plan.h"
#include "lib/model/norm.h"
#include "lib/model/rotary.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// One of queries, keys and values: its sites, and its rows of W_QKV.
struct Part {
  Site input;
  Site module_in;
  Site out;
  std::int64_t heads;
  std::int64_t first_row;
};

std::array<Part, 3> parts_of(const ModelConfig& c) {
  const std::int64_t q_rows = c.n_heads * c.d_head;
  const std::int64_t kv_rows = c.n_kv_heads * c.d_head;
  return {Part{Site::q_input, Site::attn_q_in, Site::q, c.n_heads, 0},
          Part{Site::k_input, Site::attn_k_in, Site::k, c.n_kv_heads, q_rows},
          Part{Site::v_input, Site::attn_v_in, Site::v, c.n_kv_heads, q_rows + kv_rows}};
}

const Part& part_of_qkv(HeadInput part, const std::array<Part, 3>& parts) {
  return parts[static_cast<std::size_t>(part)];
}

Tensor per_head_view(const Tensor& resid, std::int64_t heads) {
  return resid.unsqueeze(2).expand({resid.size(0), resid.size(1), heads, resid.size(2)});
}

// What one part reads: the stream all heads share, or, if a tap edits it, one stream a head
// [B, T, heads, d_model].
struct Reads {
  Tensor shared;
  Tensor by_head;
};

Tensor rows_of(const Tensor& fused, const Part& part, const ModelConfig& c) {
  return fused.defined() ? fused.narrow(0, part.first_row, part.heads * c.d_head) : Tensor();
}

Tensor project(const Pass& pass, const BlockWeights& block, const Part& part, const Reads& in) {
  const ModelConfig& c = pass.config;
  const Tensor weight = rows_of(block.W_QKV, part, c);
  const Tensor bias = rows_of(block.b_QKV, part, c);
  if (!in.by_head.defined()) {
    return linear(in.shared, weight, bias).unflatten(-1, {part.heads, c.d_head});
  }
  const Tensor x = in.by_head.flatten(0, 1).transpose(0, 1);  // [heads, B·T, d_model]
  const Tensor by_head = weight.view({part.heads, c.d_head, c.d_model}).transpose(1, 2);
  const Tensor out =
      at::bmm(x, by_head).transpose(0, 1).unflatten(0, {in.by_head.size(0), in.by_head.size(1)});
  return bias.defined() ? out + bias.view({part.heads, c.d_head}) : out;
}

// Where a head reads a stream of its own, it is normalised on its own: what ln1 and the part's
// input show of the shared stream is not what that head reads.
void refuse_shared_sites(const Pass& pass, int layer, const Part& part) {
  const Site first = pass.edited(Site::attn_in, layer) ? Site::attn_in : part.input;
  const bool normed = norm_before(pass.config) != Norm::none;
  for (const Site site : {Site::ln1_scale, Site::ln1_normalized, part.module_in}) {
    if ((normed || site == part.module_in) && pass.wanted(site, layer)) {
      throw UsageError(
          "{} is edited, so its heads read streams of their own, and {} shows none of them; leave "
          "out one of the two",
          hook_name(first, layer),
          hook_name(site, layer));
    }
  }
}

// The per-head stream of one part, if a tap edits it; observers see a broadcast view.
Tensor split_input(
    Pass& pass, int layer, const Part& part, const Tensor& attn_in, const Tensor& resid) {
  const Tensor before = attn_in.defined() ? attn_in : per_head_view(resid, part.heads);
  const Tensor after = pass.see(part.input, layer, before);
  if (pass.edited(part.input, layer)) {
    return after;
  }
  return attn_in;
}

Tensor edited_attn_in(Pass& pass, int layer, const Tensor& resid) {
  if (!info(Site::attn_in).exists(pass.config) || !pass.wanted(Site::attn_in, layer)) {
    return {};
  }
  const Tensor seen = pass.see(Site::attn_in, layer, per_head_view(resid, pass.config.n_heads));
  return pass.edited(Site::attn_in, layer) ? seen : Tensor();
}

// Statistics are those of QkNorm: of each head, or of all heads together.
Tensor qk_normed(const ModelConfig& c,
                 const BlockWeights& block,
                 HeadInput part,
                 HeadRange heads,
                 const Tensor& projected) {
  const bool queries = part == HeadInput::q;
  const Tensor& gain = queries ? block.q_norm : block.k_norm;
  if (c.qk_norm == QkNorm::per_head) {
    return normalize(projected, {gain, {}}, Norm::rms_norm, c.norm_eps);
  }
  if (c.qk_norm == QkNorm::whole) {
    return normalize(projected.flatten(-2), {gain, {}}, Norm::rms_norm, c.norm_eps)
        .unflatten(-1, {heads.count, c.d_head});
  }
  const Tensor& bias = queries ? block.q_norm_bias : block.k_norm_bias;
  const auto of_heads = [&](const Tensor& all) {
    return all.defined() ? all.view({-1, c.d_head}).narrow(0, heads.first, heads.count) : all;
  };
  const Tensor centred = normalize(projected.to(at::kFloat), {}, Norm::layer_norm, c.norm_eps);
  return apply_gain(centred, {of_heads(gain), of_heads(bias)}, projected.scalar_type());
}

}  // namespace

Qkv project_qkv(Pass& pass, int layer, const Tensor& resid) {
  const ModelConfig& c = pass.config;
  const BlockWeights& block = pass.weights.blocks[static_cast<std::size_t>(layer)];
  const auto parts = parts_of(c);
  const Tensor attn_in = edited_attn_in(pass, layer, resid);

  std::array<Reads, 3> reads;
  bool any_edit = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Tensor split = split_input(pass, layer, parts[i], attn_in, resid);
    if (split.defined()) {
      refuse_shared_sites(pass, layer, parts[i]);
      reads[i].by_head = normalize(split, block.ln1, norm_before(c), c.norm_eps).to(pass.dtype);
      any_edit = true;
    }
  }
  const Tensor normed =
      run_norm_before(pass, {Site::ln1_scale, Site::ln1_normalized}, layer, block.ln1, resid);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    reads[i].shared = pass.see(parts[i].module_in, layer, normed);
    any_edit = any_edit || pass.edited(parts[i].module_in, layer);
  }

  std::array<Tensor, 3> out;
  if (any_edit) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      out[i] = project(pass, block, parts[i], reads[i]);
    }
  } else {
    const Tensor fused = linear(normed, block.W_QKV, block.b_QKV);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      out[i] = fused.narrow(-1, parts[i].first_row, parts[i].heads * c.d_head)
                   .unflatten(-1, {parts[i].heads, c.d_head});
    }
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out[i] = pass.see(parts[i].out, layer, clipped(c, out[i]));
  }
  return {out[0], out[1], out[2]};
}

Tensor clipped(const ModelConfig& config, const Tensor& projected) {
  return config.clip_qkv > 0 ? projected.clamp(-config.clip_qkv, config.clip_qkv) : projected;
}

void require_heads_apart(const ModelConfig& config, HeadInput part) {
  if (config.qk_norm == QkNorm::whole && part != HeadInput::v) {
    throw UsageError(
        "the {} of this model's heads are normalised together (OLMo 2), so one head's are nothing "
        "without the others'; choose its values or what it writes, or run every cell whole "
        "(--plain)",
        part == HeadInput::q ? "queries" : "keys");
  }
}

Tensor normed_and_rotated(const ModelConfig& config,
                          const BlockWeights& block,
                          HeadInput part,
                          HeadRange heads,
                          const Tensor& projected,
                          const RotaryTable* table) {
  if (part == HeadInput::v) {
    return projected;
  }
  Tensor out = projected;
  if (config.qk_norm != QkNorm::none) {
    out = qk_normed(config, block, part, heads, projected);
  }
  return table == nullptr ? out : rotate(out, *table);
}

Tensor project_heads(const Model& model, const HeadReading& reading, const Tensor& stream) {
  const ModelConfig& c = model.config();
  const BlockWeights& block = model.weights().blocks.at(static_cast<std::size_t>(reading.layer));
  Part part = part_of_qkv(reading.part, parts_of(c));
  part.first_row += reading.heads.first * c.d_head;
  part.heads = reading.heads.count;
  const at::ScalarType dtype = to_torch(reading.dtype.value_or(model.dtype()));
  const bool biased = reading.biases == Biases::kept;
  if (reading.heads.count < (reading.part == HeadInput::q ? c.n_heads : c.n_kv_heads)) {
    require_heads_apart(c, reading.part);
  }
  const NormWeights norm{block.ln1.gain, biased ? block.ln1.bias : Tensor()};
  const Tensor bias = biased ? rows_of(block.b_QKV, part, c) : Tensor();
  const Tensor projected = linear(normalize(stream, norm, norm_before(c), c.norm_eps).to(dtype),
                                  rows_of(block.W_QKV, part, c).to(dtype),
                                  bias.defined() ? bias.to(dtype) : bias)
                               .unflatten(-1, {part.heads, c.d_head});
  return normed_and_rotated(c, block, reading.part, reading.heads, clipped(c, projected), nullptr);
}

Tensor read_heads(const Model& model,
                  const HeadReading& reading,
                  const Tensor& stream,
                  const BatchLayout& layout) {
  const ModelConfig& c = model.config();
  const Tensor projected = project_heads(model, reading, stream);
  if (!has_rope(c, reading.layer) || reading.part == HeadInput::v) {
    return projected;
  }
  const auto rope =
      static_cast<std::size_t>(c.layers[static_cast<std::size_t>(reading.layer)].rope);
  return rotate(projected,
                rotary_table(model.rotary_angles().at(rope),
                             layout.position_ids().to(stream.device()),
                             lengths_of(layout)));
}

}  // namespace headscope
