#include "analyses/steering/neutral_text.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>

#include "analyses/head_detectors/texts.h"
#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/tensor/ops.h"
#include "lib/text/utf8_check.h"

namespace headscope {
namespace {

constexpr std::int64_t kNeutralWindow = 128;

std::string neutral_text(const std::filesystem::path& file) {
  if (file.empty()) {
    return std::string(domain_texts().front().text);
  }
  const MappedFile mapped(file);
  std::string text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  check_utf8(text, file.string());
  return text;
}

// Σ of −log p of each next token.
double surprise(const Tensor& log_probs, const std::vector<std::int32_t>& tokens) {
  const auto predicted = static_cast<std::int64_t>(tokens.size()) - 1;
  const Tensor next = at::tensor(at::ArrayRef<std::int32_t>(tokens).slice(1), at::kLong)
                          .to(log_probs.device())
                          .view({1, predicted, 1});
  const Tensor each = at::gather(log_probs.narrow(1, 0, predicted), 2, next);
  return -each.to(at::kDouble).sum().item<double>();
}

Tensor log_probs_of(const Model& model, const Prompt& window, Tap& tap) {
  const Batch batch = Batch::of({&window});
  return at::log_softmax(model.forward(batch, tap, {.logits = Logits::all}).logits, -1);
}

Prompt with_spans(Prompt window, const SpanShares& shares) {
  const auto length = static_cast<double>(window.tokens.size());
  for (const auto& [name, share] : shares) {
    const auto begin = std::min(std::lround(share.begin * length), std::lround(length) - 1);
    const auto end = std::max(std::lround(share.end * length), begin + 1);
    window.spans[name] = {begin, end};
  }
  return window;
}

}  // namespace

SpanShares span_shares(const SteerData& data) {
  SpanShares sums;
  std::map<std::string, double> counts;
  for (const SteerItem& item : data.items) {
    for (const auto& [name, span] : item.prompt.spans) {
      const auto length = static_cast<double>(item.prompt.tokens.size());
      SpanShare& sum = sums.try_emplace(name, SpanShare{0.0, 0.0}).first->second;
      sum.begin += static_cast<double>(span.begin) / length;
      sum.end += static_cast<double>(span.end) / length;
      counts[name] += 1.0;
    }
  }
  for (auto& [name, sum] : sums) {
    sum.begin /= counts[name];
    sum.end /= counts[name];
  }
  return sums;
}

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
    Prompt window;
    window.tokens = {all.begin() + static_cast<std::ptrdiff_t>(at),
                     all.begin() + static_cast<std::ptrdiff_t>(end)};
    log_probs_.push_back(log_probs_of(model, window, nothing));
    sum += surprise(log_probs_.back(), window.tokens);
    windows_.push_back(std::move(window));
    predicted += static_cast<double>(end - at - 1);
  }
  perplexity_ = std::exp(sum / predicted);
}

SideEffects NeutralText::under(const Model& model,
                               const TapMaker& change,
                               const SpanShares& spans) const {
  double kl = 0.0;
  double sum = 0.0;
  double positions = 0.0;
  double predicted = 0.0;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const auto tap = change();
    const Tensor changed = log_probs_of(model, with_spans(windows_[i], spans), *tap);
    const Tensor& own = log_probs_[i];
    kl += (own.exp() * (own - changed)).sum(-1).to(at::kDouble).sum().item<double>();
    sum += surprise(changed, windows_[i].tokens);
    positions += static_cast<double>(own.size(1));
    predicted += static_cast<double>(own.size(1) - 1);
  }
  return {kl / positions, std::exp(sum / predicted)};
}

}  // namespace headscope
