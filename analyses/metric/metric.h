// What a run is judged by: one number a prompt, from the logits that follow it. Objects, so that
// every analysis takes any of them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lib/tensor/tensor.h"

namespace headscope {

// R rows of logits and what is right and wrong after each.
struct MetricInput {
  Tensor logits;   // [R, V] f32: of the whole vocabulary, or of chosen tokens
  Tensor answers;  // [R, A] int64, columns of `logits`; rows shorter than A are filled with −1
  Tensor wrong;    // [R, W], likewise
  Tensor clean;    // [R, V], the logits of the clean run: for metrics that ask
};

struct Metric {
  std::string_view name;
  std::string_view summary;
  std::string_view source;
  bool needs_wrong = false;
  bool full_vocabulary = false;  // a softmax or an order over all tokens
  bool needs_clean = false;
  bool has_gradient = true;
  Tensor (*values)(const MetricInput& input);  // [R] f64 on the CPU
};

std::span<const Metric> all_metrics();

// Throws UsageError with the nearest names.
const Metric& find_metric(const std::string& name);

}  // namespace headscope
