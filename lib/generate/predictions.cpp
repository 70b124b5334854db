#include "lib/generate/predictions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/base/error.h"
#include "lib/model/not_finite.h"

namespace headscope {
namespace {

void require_finite(std::span<const float> logits, const Model& model) {
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (!std::isfinite(logits[id])) {
      throw DataError("{}: the logit of token {} is {} in {}; {}",
                      model.source().name,
                      id,
                      logits[id],
                      to_string(model.dtype()),
                      not_finite_advice(model));
    }
  }
}

}  // namespace

std::string piece_of(const Model& model, std::int32_t token) {
  const bool known = model.has_tokenizer() && token < model.tokenizer().vocab_size();
  return known ? model.tokenizer().piece(token) : "";
}

std::vector<Prediction> top_predictions(std::span<const float> logits,
                                        const Model& model,
                                        std::size_t count) {
  require_finite(logits, model);
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  count = std::min(count, order.size());
  const auto logit = [&](std::int32_t id) { return logits[static_cast<std::size_t>(id)]; };
  std::partial_sort(order.begin(),
                    order.begin() + static_cast<std::ptrdiff_t>(count),
                    order.end(),
                    [&](std::int32_t a, std::int32_t b) {
                      return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
                    });
  const double highest = order.empty() ? 0.0 : logit(order.front());
  double sum = 0.0;
  for (const float value : logits) {
    sum += std::exp(value - highest);
  }
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = logit(order[i]);
    predictions.push_back(
        {order[i], piece_of(model, order[i]), std::exp(value - highest) / sum, value});
  }
  return predictions;
}

}  // namespace headscope
