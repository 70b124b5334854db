// How much a model prefers what it should say: the score that steering is judged by.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "analyses/steering/steer_data.h"
#include "lib/model/gradients.h"
#include "lib/model/model.h"

namespace headscope {

// Makes what changes a pass; one for each pass.
using TapMaker = std::function<std::unique_ptr<Tap>()>;
std::unique_ptr<Tap> unchanged();  // NoTap

// The items of data with continuations, put into batches once. An item's score is
//   log Σ p(positive | prompt) − log Σ p(negative | prompt)   in nats,
// the sums over its continuations, p of one the product over its tokens. Above 0 the model prefers
// a right one.
class Contrast {
 public:
  // Throws UsageError for labelled texts, which say of no prompt what should follow, and for an
  // item with several continuations of several tokens.
  explicit Contrast(const SteerData& data, std::int64_t batch_tokens = 2048);

  // One score an item.
  [[nodiscard]] std::vector<double> scores(const Model& model, const TapMaker& change) const;

  // The same of the model as it is, and the gradients of the sum of all scores, batch by batch;
  // with `weights`, one an item, of the weighted sum.
  std::vector<double> gradients(const Model& model,
                                GradientTap& tap,
                                const std::vector<double>& weights = {}) const;

  [[nodiscard]] std::size_t items() const { return items_; }

  // Some rows of the data as they run. Item by item, or, where continuations have several tokens,
  // a right and a wrong row of each.
  struct Rows {
    Batch batch;
    std::vector<std::size_t> items;  // of each row
    Tensor positive{};               // [B, A] tokens that may follow; −1: none
    Tensor negative{};
    Tensor
        tokens{};  // [B, M] of rows that hold a continuation: its tokens, right-aligned; −1: none
    Tensor sign{};  // [B] f32, 1 or −1 of those rows; undefined: of the form above

    [[nodiscard]] Logits logits() const { return sign.defined() ? Logits::all : Logits::last; }
    // Logits → what each row adds to its item's score, [B] f32, by Torch operators.
    [[nodiscard]] Tensor objective(const Tensor& logits) const;
  };
  [[nodiscard]] const std::vector<Rows>& batches() const { return batches_; }

 private:
  std::size_t items_ = 0;
  std::vector<Rows> batches_;
};

}  // namespace headscope
