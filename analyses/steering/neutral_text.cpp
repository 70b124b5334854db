#include "analyses/steering/neutral_text.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>

#include "analyses/head_detectors/texts.h"
#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kNeutralWindow = 128;

std::string neutral_text(const std::filesystem::path& file) {
  if (file.empty()) {
    return std::string(domain_texts().front().text);
  }
  const MappedFile mapped(file);
  return {reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()};
}

// Σ of −log p of each next token.
double surprise(const Tensor& log_probs, const Tensor& tokens) {
  const std::int64_t predicted = tokens.size(1) - 1;
  const Tensor next = tokens.narrow(1, 1, predicted).to(log_probs.device()).unsqueeze(-1);
  const Tensor each = at::gather(log_probs.narrow(1, 0, predicted), 2, next);
  return -each.to(at::kDouble).sum().item<double>();
}

Tensor log_probs_of(const Model& model, const Batch& window, Tap& tap) {
  return at::log_softmax(model.forward(window, tap, {.logits = Logits::all}).logits, -1);
}

}  // namespace

NeutralText::NeutralText(const Model& model,
                         const std::filesystem::path& file,
                         std::int64_t tokens) {
  std::vector<std::int32_t> all =
      model.tokenizer().encode(neutral_text(file), PrependBos::automatic);
  all.resize(std::min(all.size(), static_cast<std::size_t>(std::max<std::int64_t>(tokens, 2))));
  if (all.size() < 2) {
    throw DataError("{}: too short a text", file.string());
  }
  const std::size_t width =
      static_cast<std::size_t>(std::min(kNeutralWindow, model.config().n_ctx));
  double sum = 0.0;
  double predicted = 0.0;
  NoTap nothing;
  for (std::size_t at = 0; at + 1 < all.size(); at += width) {
    const std::size_t end = std::min(at + width, all.size());
    windows_.emplace_back(
        std::vector<std::vector<std::int32_t>>{{all.begin() + static_cast<std::ptrdiff_t>(at),
                                                all.begin() + static_cast<std::ptrdiff_t>(end)}});
    log_probs_.push_back(log_probs_of(model, windows_.back(), nothing));
    sum += surprise(log_probs_.back(), windows_.back().tokens());
    predicted += static_cast<double>(end - at - 1);
  }
  perplexity_ = std::exp(sum / predicted);
}

SideEffects NeutralText::under(const Model& model, const TapMaker& change) const {
  double kl = 0.0;
  double sum = 0.0;
  double positions = 0.0;
  double predicted = 0.0;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const auto tap = change();
    const Tensor changed = log_probs_of(model, windows_[i], *tap);
    const Tensor& own = log_probs_[i];
    kl += (own.exp() * (own - changed)).sum(-1).to(at::kDouble).sum().item<double>();
    sum += surprise(changed, windows_[i].tokens());
    positions += static_cast<double>(own.size(1));
    predicted += static_cast<double>(own.size(1) - 1);
  }
  return {kl / positions, std::exp(sum / predicted)};
}

}  // namespace headscope
