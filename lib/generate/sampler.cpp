#include "lib/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>

#include <fmt/format.h>

#include <ATen/ops/argmax.h>
#include <ATen/ops/logsumexp.h>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Standard Gumbel noise that belongs to a token of a draw.
double gumbel(std::uint64_t draw, std::int32_t token) {
  const std::uint64_t bits = Random(draw + static_cast<std::uint64_t>(token), {}).next();
  const double uniform = (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53;  // in (0, 1)
  return -std::log(-std::log(uniform));
}

// How many of the tokens, whose unnormalised probabilities fall, may be drawn.
std::size_t kept(const std::vector<double>& weights, const SamplerOptions& options) {
  const double whole = std::accumulate(weights.begin(), weights.end(), 0.0);
  double nucleus = 0.0;
  std::size_t count = 0;
  while (count < weights.size() && (count == 0 || nucleus < options.top_p * whole) &&
         weights[count] >= options.min_p * weights.front()) {
    nucleus += weights[count++];
  }
  return count;
}

// The tokens that may be drawn.
std::vector<std::int32_t> candidates(std::span<const float> logits, const SamplerOptions& options) {
  std::vector<std::int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  if (options.top_k == 0 && options.top_p == 1.0 && options.min_p == 0.0) {
    return ids;
  }
  ids = likeliest_ids(logits,
                      options.top_k > 0 ? options.top_k : static_cast<std::int64_t>(logits.size()));
  const double largest = logits[static_cast<std::size_t>(ids.front())];
  std::vector<double> weights;
  for (const std::int32_t id : ids) {
    const double logit = logits[static_cast<std::size_t>(id)];
    weights.push_back(std::exp((logit - largest) / options.temperature));
  }
  ids.resize(kept(weights, options));
  return ids;
}

// The largest of logit / temperature + noise is drawn with the probability that softmax gives it
// (Gumbel-max). Each token having noise of its own, logits that rounding has moved a little give
// another token only where two are as near to each other. A number that is looked up among sums of
// probabilities would not do: among many unlikely tokens it falls beside another one at once, and
// the text of a request would depend on the batch it ran in.
std::int32_t drawn(std::span<const float> logits,
                   const SamplerOptions& options,
                   std::uint64_t draw) {
  const std::vector<std::int32_t> ids = candidates(logits, options);
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::int32_t best = ids.front();
  double highest = -std::numeric_limits<double>::infinity();
  for (const std::int32_t id : ids) {
    const double logit = logits[static_cast<std::size_t>(id)];
    const double score = (logit - largest) / options.temperature + gumbel(draw, id);
    if (score > highest || (score == highest && id < best)) {
      best = id;
      highest = score;
    }
  }
  return best;
}

std::vector<float> penalised(std::span<const float> logits,
                             std::span<const std::int32_t> text,
                             double penalty) {
  std::vector<float> changed(logits.begin(), logits.end());
  for (const std::int32_t token : text) {
    const auto id = static_cast<std::size_t>(token);
    const double own = logits[id];  // as it was: a token that stands twice is penalised once
    changed[id] = static_cast<float>(own > 0 ? own / penalty : own * penalty);
  }
  return changed;
}

[[noreturn]] void refuse_logits() {
  throw LogitsNotFinite();
}

void check_logits(std::span<const float> logits) {
  float largest = -std::numeric_limits<float>::infinity();
  for (const float logit : logits) {
    if (std::isnan(logit)) {
      refuse_logits();
    }
    largest = std::max(largest, logit);
  }
  if (std::isinf(largest)) {
    refuse_logits();
  }
}

void check_share(std::string_view name, double value, bool good, std::string_view range) {
  if (!good) {
    throw UsageError("{} of {}; it must be {}", name, value, range);
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
  check_share(
      "top_p", options.top_p, options.top_p > 0 && options.top_p <= 1, "above 0 and at most 1");
  check_share("min_p", options.min_p, options.min_p >= 0 && options.min_p <= 1, "from 0 to 1");
  const double penalty = options.repetition_penalty;
  check_share("a repetition penalty",
              penalty,
              penalty > 0 && std::isfinite(penalty),
              "a finite number above 0");
}

std::int32_t Sampler::pick(std::span<const float> logits,
                           std::span<const std::int32_t> text,
                           const Draw& draw) const {
  check_logits(logits);
  std::vector<float> changed;
  if (options_.repetition_penalty != 1.0) {
    changed = penalised(logits, text, options_.repetition_penalty);
    logits = changed;
  }
  if (options_.temperature == 0.0) {
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) -
                                     logits.begin());
  }
  Random random(options_.seed, fmt::format("token {} of text {}", draw.step, draw.sequence));
  return drawn(logits, options_, random.next());
}

std::vector<std::int32_t> likeliest_ids(std::span<const float> logits, std::int64_t count) {
  std::vector<std::int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  count = std::min(count, static_cast<std::int64_t>(logits.size()));
  const auto before = [&](std::int32_t a, std::int32_t b) {
    const float x = logits[static_cast<std::size_t>(a)];
    const float y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::partial_sort(ids.begin(), ids.begin() + count, ids.end(), before);
  ids.resize(static_cast<std::size_t>(count));
  return ids;
}

Tensor likeliest_on_device(const Tensor& logits) {
  const Tensor id = at::argmax(logits, -1);
  const Tensor logit = logits.amax({-1});
  return at::stack(
      {id.to(at::kDouble), logit.to(at::kDouble), at::logsumexp(logits, {-1}).to(at::kDouble)});
}

std::vector<Likeliest> on_host(const Tensor& likeliest) {
  const Tensor here = likeliest.to(at::kCPU).contiguous();
  const auto* id = here.const_data_ptr<double>();
  const std::int64_t rows = here.size(1);
  std::vector<Likeliest> all;
  for (std::int64_t row = 0; row < rows; ++row) {
    if (!std::isfinite(id[rows + row])) {  // the largest is NaN where any is
      refuse_logits();
    }
    all.push_back({.token = static_cast<std::int32_t>(id[row]),
                   .logit = static_cast<float>(id[rows + row]),
                   .lse = static_cast<float>(id[2 * rows + row])});
  }
  return all;
}

std::vector<std::int32_t> likeliest(const Tensor& logits) {
  std::vector<std::int32_t> ids;
  for (const Likeliest& row : on_host(likeliest_on_device(logits))) {
    ids.push_back(row.token);
  }
  return ids;
}

}  // namespace headscope
