#include "analyses/circuit/attention_to.h"

#include <algorithm>

#include "analyses/sweep/positions.h"
#include "analyses/sweep/prompt_batch.h"
#include "lib/base/error.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Sums attention from one place to others, row by row, as layers go by.
class AttentionTap final : public Tap {
 public:
  // `from` [B, T] f64: weights of the queries, summing to 1 a row; `to` [S, B, T] f64.
  AttentionTap(const HeadClass& heads, Tensor from, Tensor to)
      : heads_(heads), from_(std::move(from)), to_(std::move(to)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    const bool ours = std::any_of(heads_.heads.begin(),
                                  heads_.heads.end(),
                                  [&](const HeadId& head) { return head.layer == point.layer; });
    return point.site == Site::pattern && ours ? Interest::observe : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& pattern) override {
    for (std::size_t i = 0; i < heads_.heads.size(); ++i) {
      if (heads_.heads[i].layer == visit.point.layer) {
        const Tensor map = pattern.select(1, heads_.heads[i].head).to(at::kCPU, at::kDouble);
        sums.resize(heads_.heads.size());
        sums[i] = at::einsum("bq,bqk,sbk->s", {from_, map, to_});
      }
    }
    return pattern;
  }

  std::vector<Tensor> sums;  // [S] a head, over rows

 private:
  const HeadClass& heads_;
  Tensor from_;
  Tensor to_;
};

}  // namespace

std::vector<std::vector<double>> attention_to(const Model& model,
                                              const Task& task,
                                              const HeadClass& heads,
                                              const std::vector<std::string>& spans) {
  if (heads.at == "all") {
    throw UsageError("{}: acts at all tokens, so it looks from nowhere in particular", heads.name);
  }
  std::vector<std::vector<double>> means(heads.heads.size(), std::vector<double>(spans.size()));
  for (const PromptBatch& batch : prompt_batches(task.items, kTokensWithLogits)) {
    const Tensor from = chosen_columns({heads.at}, batch, task.items).to(at::kDouble);
    std::vector<Tensor> to;
    for (const std::string& span : spans) {
      to.push_back(chosen_columns({span}, batch, task.items).to(at::kDouble));
    }
    AttentionTap tap(heads, from / from.sum(1, true), at::stack(to));
    model.forward(batch.clean, tap, {.logits = Logits::none});
    for (std::size_t i = 0; i < tap.sums.size(); ++i) {
      for (std::size_t s = 0; s < spans.size(); ++s) {
        means[i][s] += tap.sums[i][static_cast<std::int64_t>(s)].item<double>() /
                       static_cast<double>(task.items.size());
      }
    }
  }
  return means;
}

}  // namespace headscope
