#include "lib/families/parameters.h"

#include <algorithm>
#include <string>

#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Parameter matrix(Tensor& tensor,
                 std::int64_t first,
                 std::int64_t rows,
                 std::int64_t columns,
                 std::int64_t d_head = 0) {
  return {&tensor, first, rows, columns, d_head, false};
}

Parameter vector(Tensor& tensor, std::int64_t first, std::int64_t size, std::int64_t d_head = 0) {
  return {&tensor, first, size, 1, d_head, false};
}

void add_norm(std::map<std::string, Parameter>& out,
              const std::string& name,
              NormWeights& norm,
              const ModelConfig& c) {
  if (c.norm == Norm::none || c.norm_parameters == NormParameters::none) {
    return;
  }
  out[name + ".w"] = {&norm.gain, 0, c.d_model, 1, 0, true};
  if (c.norm == Norm::layer_norm && c.norm_parameters == NormParameters::all) {
    out[name + ".b"] = {&norm.bias, 0, c.d_model, 1, 0, true};
  }
}

void add_qk_norm(std::map<std::string, Parameter>& out, BlockWeights& b, const ModelConfig& c) {
  if (c.qk_norm == QkNorm::none) {
    return;
  }
  const bool shared = c.qk_norm == QkNorm::per_head;
  const auto add = [&](const std::string& name, Tensor& tensor, std::int64_t heads) {
    const std::int64_t size = (shared ? 1 : heads) * c.d_head;
    out[name] = {&tensor, 0, size, 1, c.d_head, true};
    if (c.qk_norm != QkNorm::layer_norm) {
      return;
    }
    for (std::int64_t head = 0; head < heads; ++head) {  // which files may store one by one
      out[name + "." + std::to_string(head)] = {&tensor, head * c.d_head, c.d_head, 1, 0, true};
    }
  };
  add("attn.q_norm", b.q_norm, c.n_heads);
  add("attn.k_norm", b.k_norm, c.n_kv_heads);
  if (c.qk_norm_bias) {
    add("attn.q_norm_bias", b.q_norm_bias, c.n_heads);
    add("attn.k_norm_bias", b.k_norm_bias, c.n_kv_heads);
  }
}

void add_norms(std::map<std::string, Parameter>& out, BlockWeights& b, const ModelConfig& c) {
  const NormPlacement placement = c.norm_placement;
  if (placement != NormPlacement::post) {
    add_norm(out, "ln1", b.ln1, c);
    if (has_mlp(c)) {
      add_norm(out, "ln2", b.ln2, c);
    }
  }
  if (has_post_norm(c)) {
    add_norm(out, "ln1_post", b.ln1_post, c);
    add_norm(out, "ln2_post", b.ln2_post, c);
  }
}

void add_qkv(std::map<std::string, Parameter>& out, BlockWeights& b, const ModelConfig& c) {
  const std::int64_t q = c.n_heads * c.d_head;
  const std::int64_t kv = c.n_kv_heads * c.d_head;
  out["attn.W_QKV"] = matrix(b.W_QKV, 0, q + 2 * kv, c.d_model, c.d_head);
  out["attn.W_QKV"].heads_per_kv = c.heads_per_kv();
  out["attn.W_Q"] = matrix(b.W_QKV, 0, q, c.d_model, c.d_head);
  out["attn.W_K"] = matrix(b.W_QKV, q, kv, c.d_model, c.d_head);
  out["attn.W_V"] = matrix(b.W_QKV, q + kv, kv, c.d_model, c.d_head);
  if (c.qkv_bias) {
    out["attn.b_QKV"] = vector(b.b_QKV, 0, q + 2 * kv, c.d_head);
    out["attn.b_QKV"].heads_per_kv = c.heads_per_kv();
    out["attn.b_Q"] = vector(b.b_QKV, 0, q, c.d_head);
    out["attn.b_K"] = vector(b.b_QKV, q, kv, c.d_head);
    out["attn.b_V"] = vector(b.b_QKV, q + kv, kv, c.d_head);
  }
  add_qk_norm(out, b, c);
}

void add_mlp(std::map<std::string, Parameter>& out, BlockWeights& b, const ModelConfig& c) {
  if (!has_mlp(c)) {
    return;
  }
  const bool gated = c.mlp == Mlp::gated;
  out["mlp.W_in"] = matrix(b.W_in, 0, gated ? 2 * c.d_mlp : c.d_mlp, c.d_model);
  out["mlp.W_out"] = matrix(b.W_out, 0, c.d_model, c.d_mlp);
  if (gated) {
    out["mlp.W_gate"] = matrix(b.W_in, 0, c.d_mlp, c.d_model);
    out["mlp.W_up"] = matrix(b.W_in, c.d_mlp, c.d_mlp, c.d_model);
  }
  if (c.mlp_bias) {
    out["mlp.b_in"] = vector(b.b_in, 0, gated ? 2 * c.d_mlp : c.d_mlp);
    out["mlp.b_out"] = vector(b.b_out, 0, c.d_model);
    if (gated) {
      out["mlp.b_gate"] = vector(b.b_in, 0, c.d_mlp);
      out["mlp.b_up"] = vector(b.b_in, c.d_mlp, c.d_mlp);
    }
  }
}

void add_router(std::map<std::string, Parameter>& out, BlockWeights& b, const ModelConfig& c) {
  out["moe.W_router"] = matrix(b.W_router, 0, c.experts.count, c.d_model);
  if (c.experts.router_bias) {
    out["moe.b_router"] = vector(b.b_router, 0, c.experts.count);
  }
}

void add_experts(std::map<std::string, Parameter>& out, BlockWeights& b, const ModelConfig& c) {
  const Experts& e = c.experts;
  const std::int64_t both = 2 * e.d_expert;
  const auto add = [&](const char* name, Parameter p, std::int64_t rows_of_expert) {
    p.experts = e.count;
    p.rows_of_expert = rows_of_expert;
    out[name] = p;
  };
  add_router(out, b, c);
  add("moe.W_in", matrix(b.W_in_experts, 0, both, c.d_model), both);
  add("moe.W_gate", matrix(b.W_in_experts, 0, e.d_expert, c.d_model), both);
  add("moe.W_up", matrix(b.W_in_experts, e.d_expert, e.d_expert, c.d_model), both);
  add("moe.W_out", matrix(b.W_out_experts, 0, c.d_model, e.d_expert), c.d_model);
  if (e.biases) {
    add("moe.b_in", vector(b.b_in_experts, 0, both), both);
    add("moe.b_gate", vector(b.b_in_experts, 0, e.d_expert), both);
    add("moe.b_up", vector(b.b_in_experts, e.d_expert, e.d_expert), both);
    add("moe.b_out", vector(b.b_out_experts, 0, c.d_model), c.d_model);
  }
}

// The embeddings that a token has beside its own, and what is done to their sum.
void add_embeddings(std::map<std::string, Parameter>& out, Weights& w, const ModelConfig& c) {
  const std::int64_t width = c.d_embed > 0 ? c.d_embed : c.d_model;
  out["W_E"] = matrix(w.W_E, 0, c.d_vocab, width);
  if (c.positions == Positions::learned) {
    out["W_pos"] = matrix(w.W_pos, 0, c.first_position_row + c.n_ctx, c.d_model);
  }
  if (c.n_token_types > 0) {
    out["W_type"] = matrix(w.W_type, 0, c.n_token_types, c.d_model);
  }
  if (c.d_embed > 0) {
    out["W_embed_in"] = matrix(w.W_embed_in, 0, c.d_model, c.d_embed);
    out["W_embed_out"] = matrix(w.W_embed_out, 0, c.d_embed, c.d_model);
  }
  if (c.embed_norm) {
    add_norm(out, "ln_embed", w.ln_embed, c);
  }
}

void add_head(std::map<std::string, Parameter>& out, Weights& w, const ModelConfig& c) {
  if (c.has_final_norm) {
    add_norm(out, "ln_final", w.ln_final, c);
  }
  if (c.head == OutputHead::masked_lm) {
    out["head.W"] = matrix(w.W_head, 0, c.d_model, c.d_model);
    out["head.b"] = vector(w.b_head, 0, c.d_model);
    add_norm(out, "head.ln", w.ln_head, c);
  }
  if (!c.tied_embeddings) {
    out["W_U"] = matrix(w.W_U, 0, c.d_vocab, c.d_embed > 0 ? c.d_embed : c.d_model);
  }
  if (c.unembed_bias) {
    out["b_U"] = vector(w.b_U, 0, c.d_vocab);
  }
}

}  // namespace

std::map<std::string, Parameter> model_parameters(Weights& w, const ModelConfig& c) {
  std::map<std::string, Parameter> out;
  add_embeddings(out, w, c);
  add_head(out, w, c);
  return out;
}

std::map<std::string, Parameter> block_parameters(BlockWeights& b,
                                                  const ModelConfig& c,
                                                  std::int64_t layer) {
  std::map<std::string, Parameter> out;
  add_norms(out, b, c);
  add_qkv(out, b, c);
  out["attn.W_O"] = matrix(b.W_O, 0, c.d_model, c.n_heads * c.d_head, c.d_head);
  if (c.out_bias) {
    out["attn.b_O"] = vector(b.b_O, 0, c.d_model);
  }
  if (c.attention_sinks) {
    out["attn.sinks"] = vector(b.sinks, 0, c.n_heads);
  }
  if (has_experts(c, layer)) {
    add_experts(out, b, c);
  } else {
    add_mlp(out, b, c);
  }
  return out;
}

// The widest range a tensor appears with is the tensor.
void allocate(const std::map<std::string, Parameter>& parameters, DType dtype) {
  for (const auto& [name, p] : parameters) {
    const std::int64_t have = p.tensor->defined() ? p.tensor->size(p.experts > 0 ? 1 : 0) : 0;
    const std::int64_t need = p.experts > 0 ? p.rows_of_expert : p.first_row + p.rows;
    if (need > have) {
      std::vector<std::int64_t> shape{need};
      if (p.experts > 0) {
        shape.insert(shape.begin(), p.experts);
      }
      if (p.row_length > 1) {
        shape.push_back(p.row_length);
      }
      *p.tensor = at::empty(shape, to_torch(p.is_norm ? DType::f32 : dtype));
    }
  }
}

Weights allocate_weights(const ModelConfig& config, DType dtype) {
  Weights weights;
  weights.blocks.resize(static_cast<std::size_t>(config.n_layers));
  allocate(model_parameters(weights, config), dtype);
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    allocate(block_parameters(weights.blocks[layer], config, static_cast<std::int64_t>(layer)),
             dtype);
  }
  return weights;
}

std::vector<double> tensor_sizes(const std::map<std::string, Parameter>& parameters) {
  std::map<const Tensor*, double> whole;  // ranges of one tensor count once
  for (const auto& [name, p] : parameters) {
    const double size = static_cast<double>(p.first_row + p.rows) *
                        static_cast<double>(p.row_length) *
                        static_cast<double>(std::max<std::int64_t>(1, p.experts));
    whole[p.tensor] = std::max(whole[p.tensor], size);
  }
  std::vector<double> sizes;
  for (const auto& [tensor, size] : whole) {
    sizes.push_back(size);
  }
  return sizes;
}

void for_each_tensor(Weights& w, const std::function<void(Tensor&)>& visit) {
  const auto maybe = [&](Tensor& tensor) {
    if (tensor.defined()) {
      visit(tensor);
    }
  };
  for (Tensor* tensor :
       {&w.W_E, &w.W_pos, &w.W_type, &w.W_embed_in, &w.W_embed_out, &w.W_head, &w.b_head}) {
    maybe(*tensor);
  }
  for (NormWeights* norm : {&w.ln_embed, &w.ln_final, &w.ln_head}) {
    maybe(norm->gain);
    maybe(norm->bias);
  }
  maybe(w.W_U);
  maybe(w.b_U);
  for (BlockWeights& b : w.blocks) {
    for (NormWeights* norm : {&b.ln1, &b.ln1_post, &b.ln2, &b.ln2_post}) {
      maybe(norm->gain);
      maybe(norm->bias);
    }
    for (Tensor* tensor :
         {&b.W_QKV,       &b.b_QKV,        &b.q_norm,        &b.k_norm,        &b.q_norm_bias,
          &b.k_norm_bias, &b.sinks,        &b.distance_bias, &b.W_O,           &b.b_O,
          &b.W_in,        &b.b_in,         &b.W_out,         &b.b_out,         &b.W_router,
          &b.b_router,    &b.W_in_experts, &b.b_in_experts,  &b.W_out_experts, &b.b_out_experts}) {
      maybe(*tensor);
    }
  }
}

}  // namespace headscope
