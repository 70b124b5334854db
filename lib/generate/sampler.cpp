#include "lib/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include <ATen/ops/argmax.h>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// In [0, 1), the same on every machine.
double uniform(std::uint64_t seed, const Draw& draw) {
  Random random(seed, fmt::format("token {} of text {}", draw.step, draw.sequence));
  return static_cast<double>(random.next() >> 11) * 0x1p-53;
}

// Token ids, likeliest first, as many as may be drawn by rank.
std::vector<std::int32_t> ranked(const float* logits, std::int64_t size, std::int64_t top_k) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(size));
  std::iota(ids.begin(), ids.end(), 0);
  const auto count = top_k > 0 ? std::min(top_k, size) : size;
  std::partial_sort(ids.begin(), ids.begin() + count, ids.end(), [&](auto a, auto b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  ids.resize(static_cast<std::size_t>(count));
  return ids;
}

std::int32_t drawn(const float* logits,
                   std::int64_t size,
                   const SamplerOptions& options,
                   double chance) {
  const std::vector<std::int32_t> ids = ranked(logits, size, options.top_k);
  const double largest = logits[ids.front()];
  std::vector<double> weights;
  for (const std::int32_t id : ids) {
    weights.push_back(std::exp((static_cast<double>(logits[id]) - largest) / options.temperature));
  }
  const double whole = std::accumulate(weights.begin(), weights.end(), 0.0);
  double nucleus = 0.0;
  std::size_t count = 0;
  while (count < weights.size() && (count == 0 || nucleus < options.top_p * whole)) {
    nucleus += weights[count++];
  }
  double left = chance * nucleus;
  for (std::size_t i = 0; i < count; ++i) {
    left -= weights[i];
    if (left < 0) {
      return ids[i];
    }
  }
  return ids.front();  // chance · nucleus rounded up to the sum
}

void check_logits(const Tensor& logits) {
  const Tensor good = logits.isnan().any(1).logical_or(
      logits.amax({1}).abs().eq(std::numeric_limits<double>::infinity()));
  if (good.any().item<bool>()) {
    throw UsageError("logits to choose a token from are not numbers");
  }
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options) {
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature)) {
    throw UsageError("a temperature of {}; it must be a finite number, at least 0",
                     options.temperature);
  }
  if (options.top_k < 0) {
    throw UsageError("top_k of {}; at least 1, or 0 for all tokens", options.top_k);
  }
  if (!(options.top_p > 0) || options.top_p > 1) {
    throw UsageError("top_p of {}; it must be above 0 and at most 1", options.top_p);
  }
}

std::vector<std::int32_t> Sampler::pick(const Tensor& logits,
                                        const std::vector<Draw>& draws) const {
  check_logits(logits);
  if (options_.temperature == 0.0) {
    const Tensor ids = at::argmax(logits, -1).to(at::kCPU);
    const auto* id = ids.const_data_ptr<std::int64_t>();
    return {id, id + ids.numel()};
  }
  const Tensor rows = logits.to(at::kCPU, at::kFloat).contiguous();
  std::vector<std::int32_t> tokens;
  for (std::size_t row = 0; row < draws.size(); ++row) {
    const float* own = rows.const_data_ptr<float>() + static_cast<std::int64_t>(row) * rows.size(1);
    tokens.push_back(drawn(own, rows.size(1), options_, uniform(options_.seed, draws[row])));
  }
  return tokens;
}

}  // namespace headscope
