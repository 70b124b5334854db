#include "lib/model/memory_need.h"

#include <algorithm>
#include <set>

#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/model/attention_spec.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

// Sums are in double: a shape like 99999999x99999999 must not overflow into something small.
constexpr double kMostBytes = 4e18;

double tokens_of(const BatchShape& shape) {
  return static_cast<double>(shape.rows) * static_cast<double>(shape.columns);
}

double map_elements(const BatchShape& shape) {
  return tokens_of(shape) * static_cast<double>(shape.columns);
}

double mask_bytes(const ModelConfig& c, const BatchShape& shape) {
  std::set<std::int64_t> windows;
  for (const LayerConfig& layer : c.layers) {
    if (shape.padded || (layer.window > 0 && shape.columns > layer.window)) {
      windows.insert(layer.window);
    }
  }
  return windows.empty() ? 0.0 : map_elements(shape) * (static_cast<double>(windows.size()) + 5.0);
}

double score_bytes(const ModelConfig& c, const BatchShape& shape) {
  const double scores = map_elements(shape) * static_cast<double>(c.n_heads);
  return forms_scores(c) ? kBytesOfScore * std::min<double>(scores, kScoresAtOnce) : 0.0;
}

double value_bytes(const ModelConfig& c, Site site, const BatchShape& shape) {
  double size = holds_numbers(site) ? 8.0 : 4.0;
  for (const Axis axis : info(site).axes) {
    const std::int64_t fixed = axis_size(axis, c).value_or(shape.columns);
    size *= static_cast<double>(axis == Axis::batch ? shape.rows : fixed);
  }
  return size;
}

}  // namespace

std::int64_t enough_tokens(const Device& device, PassDirection direction) {
  if (!device.is_cuda()) {
    return 2048;
  }
  return direction == PassDirection::forwards ? 128 << 10 : 32 << 10;
}

bool forms_scores(const ModelConfig& config) {
  if (config.attention_sinks) {
    return true;
  }
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    if (forms_scores(attention_spec(config, BlockWeights(), layer, at::kCPU))) {
      return true;
    }
  }
  return false;
}

bool forms_scores(const Model& model) {
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    if (forms_scores(model.attention(layer))) {
      return true;
    }
  }
  return false;
}

std::int64_t token_bytes(const ModelConfig& c, DType dtype) {
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t attention = (5 * c.n_heads + 4 * c.n_kv_heads) * c.d_head;
  const std::int64_t widest = std::max({attention, 3 * c.d_mlp, 3 * c.experts.d_expert});
  const std::int64_t routes = c.experts.chosen * c.d_model * (size + 3 * 4);
  return 6 * c.d_model * 4 + 2 * widest * size + routes + 3 * c.experts.count * 4;
}

std::int64_t backward_token_bytes(const ModelConfig& c, std::int64_t columns, AttentionMaps maps) {
  const std::int64_t heads = (c.n_heads + 2 * c.n_kv_heads) * c.d_head;
  const Experts& e = c.experts;
  const std::int64_t routes = e.chosen * (16 * c.d_model + 16 * e.d_expert) + 8 * e.count;
  const std::int64_t products = 40 * c.d_model + 16 * heads + 12 * c.d_mlp + routes;
  const std::int64_t kept_maps = (maps == AttentionMaps::formed ? 10 : 3) * c.n_heads * columns;
  return 4 * (products + kept_maps);
}

std::int64_t whole_bytes(double size) {
  return static_cast<std::int64_t>(std::min(size, kMostBytes));
}

std::int64_t logits_bytes(const ModelConfig& c, const BatchShape& shape, Logits logits) {
  const double positions = logits == Logits::all    ? tokens_of(shape)
                           : logits == Logits::last ? static_cast<double>(shape.rows)
                                                    : 0.0;
  return whole_bytes(2.0 * positions * static_cast<double>(c.d_vocab) * 4.0);
}

std::int64_t largest_watched_bytes(const ModelConfig& c,
                                   const std::vector<HookPoint>& points,
                                   const BatchShape& shape) {
  double largest = 0.0;
  for (const HookPoint point : points) {
    const bool is_map = point.site == Site::attn_scores || point.site == Site::pattern;
    largest = std::max(largest, value_bytes(c, point.site, shape) * (is_map ? 2.0 : 1.0));
  }
  return whole_bytes(largest);
}

std::int64_t MemoryNeed::on_device() const {
  return whole_bytes(static_cast<double>(activations) + static_cast<double>(logits) +
                     static_cast<double>(watched));
}

std::int64_t MemoryNeed::total() const {
  return whole_bytes(static_cast<double>(on_device()) + static_cast<double>(host));
}

std::int64_t watched_bytes(const ModelConfig& config,
                           const std::vector<HookPoint>& points,
                           const BatchShape& shape) {
  double sum = 0.0;
  for (const HookPoint point : points) {
    sum += value_bytes(config, point.site, shape);
  }
  return whole_bytes(sum);
}

MemoryNeed pass_need(const ModelConfig& config,
                     DType dtype,
                     const BatchShape& shape,
                     Logits logits,
                     const std::vector<HookPoint>& watched) {
  const double layer = tokens_of(shape) * static_cast<double>(token_bytes(config, dtype));
  return {
      .activations = whole_bytes(layer + mask_bytes(config, shape) + score_bytes(config, shape)),
      .logits = logits_bytes(config, shape, logits),
      .watched = largest_watched_bytes(config, watched, shape),
      .host = 0,
      .shape = shape};
}

void check_memory(const MemoryNeed& need, const Device& device, const std::string& way_out) {
  const auto check = [&](std::int64_t needed, std::int64_t have, const std::string& where) {
    if (needed > have) {
      throw ResourceError(
          "{} of {} at a time need about {} beside the weights (activations {}, "
          "logits {}, watched values {}, on the way to the disk {}) but {} has {} free; try {}",
          counted(need.shape.rows, "prompt"),
          counted(need.shape.columns, "token"),
          format_bytes(needed),
          format_bytes(need.activations),
          format_bytes(need.logits),
          format_bytes(need.watched),
          format_bytes(need.host),
          where,
          format_bytes(have),
          way_out);
    }
  };
  if (device.is_cuda()) {
    check(need.on_device(), free_memory(device), to_string(device));
    check(need.host, available_memory(), "the host");
  } else {
    check(need.total(), available_memory(), "this machine");
  }
}

}  // namespace headscope
