// What a model config must be to be run.
#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/model/config.h"
#include "lib/model/per_head.h"

namespace headscope {
namespace {

constexpr std::int64_t kLargestSize = std::int64_t{1} << 31;
constexpr std::int64_t kMostExperts = 1 << 16;  // no honest model comes near

void check_counts(const ModelConfig& c) {
  const std::pair<const char*, std::int64_t> counts[] = {
      {"n_token_types", c.n_token_types}, {"first_position_row", c.first_position_row}};
  for (const auto& [name, count] : counts) {
    if (count < 0 || count > kLargestSize) {
      throw DataError("model config: {} is {}; it must be between 0 and 2^31", name, count);
    }
  }
}

void check_positive(const ModelConfig& c) {
  const std::pair<const char*, std::int64_t> sizes[] = {{"n_layers", c.n_layers},
                                                        {"d_model", c.d_model},
                                                        {"n_heads", c.n_heads},
                                                        {"n_kv_heads", c.n_kv_heads},
                                                        {"d_head", c.d_head},
                                                        {"d_vocab", c.d_vocab},
                                                        {"n_ctx", c.n_ctx}};
  const auto check_size = [](const char* name, std::int64_t size) {
    if (size <= 0 || size > kLargestSize) {
      throw DataError("model config: {} is {}; it must be between 1 and 2^31", name, size);
    }
  };
  for (const auto& [name, size] : sizes) {
    check_size(name, size);
  }
  if (has_dense_mlp(c)) {
    check_size("d_mlp", c.d_mlp);
  }
  if (c.d_embed != 0) {
    check_size("d_embed", c.d_embed);
  }
  if (c.n_heads > kLargestSize / c.d_head) {
    throw DataError(
        "model config: {} heads of d_head {} are more than 2^31 rows", c.n_heads, c.d_head);
  }
}

// As the pass will use it, in f32. NaN compares false with everything, so what must hold is asked.
bool is_positive(double value) {
  const auto used = static_cast<float>(value);
  return std::isfinite(used) && used > 0;
}

void require_positive(const char* name, double value) {
  if (!is_positive(value)) {
    throw DataError("model config: {} is {}; it must be a finite number above 0", name, value);
  }
}

void check_numbers(const ModelConfig& c) {
  require_positive("norm_eps", c.norm_eps);
  if (c.norm_eps >= 1) {  // more than what a normed stream's variance is: no norm would be left
    throw DataError("model config: norm_eps is {}; it must be below 1", c.norm_eps);
  }
  require_positive("attn_scale", c.attn_scale);
  require_positive("embed_scale", c.embed_scale);
  const std::pair<const char*, double> caps[] = {{"score_softcap", c.score_softcap},
                                                 {"logit_softcap", c.logit_softcap},
                                                 {"clip_qkv", c.clip_qkv}};
  for (const auto& [name, cap] : caps) {
    if (cap != 0 && !is_positive(cap)) {
      throw DataError(
          "model config: {} is {}; it must be a finite number above 0, or 0 for none", name, cap);
    }
  }
}

void check_llama3(const RopeScaling& scaling) {
  require_positive("rope low_freq_factor", scaling.low_freq_factor);
  require_positive("rope high_freq_factor", scaling.high_freq_factor);
  require_positive("rope original_context", static_cast<double>(scaling.original_context));
  if (scaling.high_freq_factor <= scaling.low_freq_factor) {
    throw DataError("model config: rope high_freq_factor {} must be above low_freq_factor {}",
                    scaling.high_freq_factor,
                    scaling.low_freq_factor);
  }
}

// What yarn, longrope and dynamic divide by, or take a logarithm of.
void check_scaling(const Rope& rope) {
  const RopeScaling& scaling = rope.scaling;
  require_positive("rope attention_factor", scaling.attention_factor);
  require_positive("rope beta_fast", scaling.beta_fast);
  require_positive("rope beta_slow", scaling.beta_slow);
  require_positive("rope original_context", static_cast<double>(scaling.original_context));
  for (const float divisor : scaling.long_divisors) {
    require_positive("rope long divisor", static_cast<double>(divisor));
  }
  if (scaling.kind == RopeScaling::Kind::longrope &&
      scaling.long_divisors.size() != scaling.divisors.size()) {
    throw DataError("model config: {} rotary divisors for long texts beside {} for short ones",
                    scaling.long_divisors.size(),
                    scaling.divisors.size());
  }
  if (scaling.kind == RopeScaling::Kind::dynamic && rope.dim < 4) {
    throw DataError("model config: dynamic rope scaling of {} dimensions; it needs 4 or more",
                    rope.dim);
  }
  if (scaling.kind == RopeScaling::Kind::yarn && rope.base == 1.0) {
    throw DataError("model config: yarn needs a rope base other than 1");
  }
}

void check_rope(const Rope& rope, std::int64_t d_head) {
  if (rope.dim <= 0 || rope.dim % 2 != 0 || rope.dim > d_head) {
    throw DataError(
        "model config: rotary dimension {} must be even and at most d_head {}", rope.dim, d_head);
  }
  require_positive("rope base", rope.base);
  require_positive("rope factor", rope.scaling.factor);
  const std::vector<float>& divisors = rope.scaling.divisors;
  if (!divisors.empty() && static_cast<std::int64_t>(divisors.size()) != rope.dim / 2) {
    throw DataError(
        "model config: {} rotary divisors for {} frequencies", divisors.size(), rope.dim / 2);
  }
  for (const float divisor : divisors) {
    require_positive("rope divisor", static_cast<double>(divisor));
  }
  check_scaling(rope);
  if (rope.scaling.kind == RopeScaling::Kind::llama3) {
    check_llama3(rope.scaling);
  }
}

void check_per_head(const char* name, const std::vector<double>& values, const ModelConfig& c) {
  if (!values.empty() && static_cast<std::int64_t>(values.size()) != c.n_heads) {
    throw DataError("model config: {} has {} numbers for {} heads", name, values.size(), c.n_heads);
  }
  for (const double value : values) {
    require_positive(name, value);
  }
}

void check_layer(const LayerConfig& layer, const ModelConfig& c) {
  if (layer.window < 0) {
    throw DataError("model config: attention window {} is negative", layer.window);
  }
  if (c.positions == Positions::rotary &&
      (layer.rope < kNoRope || layer.rope >= static_cast<int>(c.ropes.size()))) {
    throw InternalError("layer uses rope {} of {}", layer.rope, c.ropes.size());
  }
  require_positive("score_scale", layer.score_scale);
  for (const PerHead& each : kPerHead) {
    check_per_head(each.name, layer.*each.values, c);
  }
}

void check_experts(const ModelConfig& c) {
  const Experts& e = c.experts;
  const bool any = std::any_of(c.layers.begin(), c.layers.end(), [](const LayerConfig& layer) {
    return layer.mlp == LayerMlp::experts;
  });
  if (!any && e.count == 0) {
    return;
  }
  if (!any || c.mlp != Mlp::gated) {
    throw DataError("model config: {} experts, but no layer of gated ones", e.count);
  }
  if (e.count < 1 || e.count > kMostExperts || e.chosen < 1 || e.chosen > e.count) {
    throw DataError(
        "model config: {} of {} experts a token; there may be 1 to {}, each chosen once",
        e.chosen,
        e.count,
        kMostExperts);
  }
  if (e.d_expert < 2 || e.d_expert > kLargestSize) {
    throw DataError("model config: experts of width {}; it must be between 2 and 2^31", e.d_expert);
  }
  if (!std::isfinite(static_cast<float>(e.limit)) || e.limit < 0) {
    throw DataError("model config: the limit of experts' gates is {}; it must be 0 or above",
                    e.limit);
  }
  require_positive("gate_slope", e.gate_slope);
}

constexpr std::int64_t kMostNormedHeads = 1 << 16;  // each is a parameter by name

// Fields of which one leaves no meaning to the other.
void check_together(const ModelConfig& c) {
  const auto refuse = [](const char* one, const char* other) {
    throw DataError("model config: {} does not go with {}", one, other);
  };
  if (!has_mlp(c) && (c.d_mlp != 0 || c.mlp_bias)) {
    refuse("d_mlp or mlp_bias", "a model without MLPs");
  }
  if (!has_mlp(c) && c.block_order == BlockOrder::parallel) {
    refuse("a parallel block", "a model without MLPs");
  }
  if ((!has_mlp(c) || c.norm == Norm::none) && has_post_norm(c)) {
    refuse("a norm behind attention and MLP", "a model without norms or MLPs");
  }
  const bool after_sum = c.norm_placement == NormPlacement::after_sum;
  if (after_sum && (!has_resid_mid(c) || c.norm == Norm::none)) {
    refuse("a norm of every sum", "parallel blocks, or a model without norms or MLPs");
  }
  if (c.norm == Norm::rms_norm && c.norm_parameters != NormParameters::all) {
    refuse("an RMS norm", "norms without a gain");
  }
  if (c.qk_norm == QkNorm::layer_norm && c.n_heads > kMostNormedHeads) {
    throw DataError("model config: {} heads with a norm of their own are more than {}",
                    c.n_heads,
                    kMostNormedHeads);
  }
  if (c.qk_norm_bias && c.qk_norm != QkNorm::layer_norm) {
    refuse("a bias of the norms of queries and keys", "norms that have none");
  }
  if (c.positions == Positions::rotary && c.ropes.empty()) {
    refuse("no rotary settings", "rotary positions");
  }
  if (c.embed_norm && c.norm == Norm::none) {
    refuse("a norm of the embeddings", "a model without norms");
  }
  if (c.shared_norm && c.block_order != BlockOrder::parallel) {
    refuse("one norm for attention and MLP", "a block that runs them in sequence");
  }
}

}  // namespace

void check(const ModelConfig& c) {
  check_positive(c);
  check_counts(c);
  if (c.n_heads % c.n_kv_heads != 0) {
    throw DataError(
        "model config: {} heads cannot share {} KV heads evenly", c.n_heads, c.n_kv_heads);
  }
  check_numbers(c);
  for (const Rope& rope : c.ropes) {
    check_rope(rope, c.d_head);
  }
  if (static_cast<std::int64_t>(c.layers.size()) != c.n_layers) {
    throw DataError("model config: {} layer entries for {} layers", c.layers.size(), c.n_layers);
  }
  for (const LayerConfig& layer : c.layers) {
    check_layer(layer, c);
  }
  check_together(c);
  check_experts(c);
}

}  // namespace headscope
