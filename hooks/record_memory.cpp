#include "hooks/record_memory.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "hooks/recorded_points.h"
#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

// Sums are in double: a shape like 99999999x99999999 must not overflow into something small.
constexpr double kMostBytes = 4e18;

std::int64_t bytes(double size) {
  return static_cast<std::int64_t>(std::min(size, kMostBytes));
}

double tokens_of(const BatchShape& shape) {
  return static_cast<double>(shape.rows) * static_cast<double>(shape.columns);
}

double map_elements(const BatchShape& shape) {
  return tokens_of(shape) * static_cast<double>(shape.columns);
}

double layer_bytes(const ModelConfig& c, DType dtype, const BatchShape& shape) {
  const auto heads = static_cast<double>(5 * c.n_heads + 4 * c.n_kv_heads);
  const double attention = heads * static_cast<double>(c.d_head);
  const double widest = std::max(attention, 3.0 * static_cast<double>(c.d_mlp));
  const double stream = 6.0 * static_cast<double>(c.d_model) * 4.0;
  return tokens_of(shape) * (stream + 2.0 * widest * static_cast<double>(size_of(dtype)));
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

double logits_bytes(const ModelConfig& c, const BatchShape& shape, Logits logits) {
  const double positions = logits == Logits::all    ? tokens_of(shape)
                           : logits == Logits::last ? static_cast<double>(shape.rows)
                                                    : 0.0;
  return 2.0 * positions * static_cast<double>(c.d_vocab) * 4.0;
}

double value_bytes(const ModelConfig& c, Site site, const BatchShape& shape) {
  double size = site == Site::tokens ? 8.0 : 4.0;
  for (const Axis axis : info(site).axes) {
    const std::int64_t fixed = axis_size(axis, c).value_or(shape.columns);
    size *= static_cast<double>(axis == Axis::batch ? shape.rows : fixed);
  }
  return size;
}

double largest_value(const ModelConfig& c,
                     const std::vector<HookPoint>& points,
                     const BatchShape& shape) {
  double largest = 0.0;
  for (const HookPoint point : points) {
    const bool is_map = point.site == Site::attn_scores || point.site == Site::pattern;
    largest = std::max(largest, value_bytes(c, point.site, shape) * (is_map ? 2.0 : 1.0));
  }
  return largest;
}

BatchShape shape_of(const std::vector<TracePrompt>& prompts, const std::vector<std::size_t>& rows) {
  const auto length = [&](std::size_t row) {
    return static_cast<std::int64_t>(prompts[row].tokens.size());
  };
  BatchShape shape{.rows = static_cast<std::int64_t>(rows.size())};
  for (const std::size_t row : rows) {
    shape.padded = shape.padded || length(row) != length(rows.front());
    shape.columns = std::max(shape.columns, length(row));
  }
  return shape;
}

// Going backwards keeps every layer's stream, and of one layer what its operators need.
double gradient_bytes(const ModelConfig& c, const BatchShape& shape) {
  const auto tokens = static_cast<double>(shape.rows * shape.columns);
  const auto streams = static_cast<double>((c.n_layers + 1) * c.d_model);
  const double layer = static_cast<double>(gradient_elements(c)) +
                       10.0 * static_cast<double>(c.n_heads * shape.columns);
  return 4.0 * tokens * (streams + layer);
}

// What waits for the disk: no more than the writer's bound, or than one value if that is larger, or
// than there is to write.
double queue_bytes(const ModelConfig& c,
                   const std::vector<TracePrompt>& prompts,
                   const std::vector<HookPoint>& points,
                   Logits logits,
                   double one) {
  const double most = std::max(static_cast<double>(TraceWriter::Options{}.buffer_bytes), one);
  double all = 0.0;
  for (const TracePrompt& prompt : prompts) {
    if (all >= most) {
      return most;
    }
    const BatchShape own{.columns = static_cast<std::int64_t>(prompt.tokens.size())};
    all += static_cast<double>(watched_bytes(c, points, own)) + logits_bytes(c, own, logits);
  }
  return std::min(all, most);
}

}  // namespace

std::int64_t MemoryNeed::on_device() const {
  return bytes(static_cast<double>(activations) + static_cast<double>(logits) +
               static_cast<double>(watched));
}

std::int64_t MemoryNeed::total() const {
  return bytes(static_cast<double>(on_device()) + static_cast<double>(host));
}

std::int64_t watched_bytes(const ModelConfig& config,
                           const std::vector<HookPoint>& points,
                           const BatchShape& shape) {
  double sum = 0.0;
  for (const HookPoint point : points) {
    sum += value_bytes(config, point.site, shape);
  }
  return bytes(sum);
}

MemoryNeed pass_need(const ModelConfig& config,
                     DType dtype,
                     const BatchShape& shape,
                     Logits logits,
                     const std::vector<HookPoint>& watched) {
  return {.activations = bytes(layer_bytes(config, dtype, shape) + mask_bytes(config, shape) +
                               score_bytes(config, shape)),
          .logits = bytes(logits_bytes(config, shape, logits)),
          .watched = bytes(largest_value(config, watched, shape)),
          .host = 0,
          .shape = shape};
}

MemoryNeed record_need(const Model& model,
                       const std::vector<TracePrompt>& prompts,
                       const RecordOptions& options) {
  const ModelConfig& c = model.config();
  const RecordedPoints recorded = recorded_points(options.hooks, c);
  std::vector<HookPoint> points = recorded.values;
  points.insert(points.end(), recorded.gradients.begin(), recorded.gradients.end());
  MemoryNeed most;
  std::vector<std::size_t> all(prompts.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (const auto& rows : plan_batches(prompts, std::move(all), options.batch_tokens)) {
    const BatchShape shape = shape_of(prompts, rows);
    const BatchShape one{.columns = shape.columns};
    const double job =
        std::max(largest_value(c, points, one), logits_bytes(c, one, options.logits));
    MemoryNeed need = pass_need(c, model.dtype(), shape, options.logits, points);
    if (!recorded.gradients.empty()) {
      need.activations = bytes(static_cast<double>(need.activations) + gradient_bytes(c, shape));
    }
    const double copied =
        model.device().is_cuda() ? static_cast<double>(need.watched + need.logits) : 0.0;
    need.host = bytes(2.0 * job + copied);
    if (need.total() >= most.total()) {
      most = need;
    }
  }
  const double longest = largest_value(c, points, {.columns = longest_prompt(prompts)});
  most.host = bytes(static_cast<double>(most.host) +
                    queue_bytes(c, prompts, points, options.logits, longest));
  return most;
}

void check_memory(const MemoryNeed& need, const Device& device, const std::string& way_out) {
  const auto check = [&](std::int64_t needed, std::int64_t have, const std::string& where) {
    if (needed > have) {
      throw ResourceError(
          "{} prompts of {} tokens at a time need about {} beside the weights (activations {}, "
          "logits {}, watched values {}, on the way to the disk {}) but {} has {} free; try {}",
          need.shape.rows,
          need.shape.columns,
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
