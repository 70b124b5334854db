// Statistics of attention (lib/attention/statistics.h) of the layers of a forward pass, beside it:
// no T × T pattern is formed, and logits are bit for bit those without.
#pragma once

#include <functional>
#include <vector>

#include "lib/attention/statistics.h"
#include "lib/model/model.h"
#include "lib/model/tap.h"

namespace headscope {

class StatisticsTap final : public Tap {
 public:
  // `visit` tells the layer and where the batch's columns lie.
  using Receive = std::function<void(const Visit& visit, const AttentionStatistics& statistics)>;

  // `request.spans` [n, B, S] and `request.targets` [n, B, T] are of the whole prompts, however
  // many chunks they run in. `layers` empty: all.
  StatisticsTap(StatisticsRequest request, Receive receive, std::vector<int> layers = {})
      : request_(std::move(request)), receive_(std::move(receive)), layers_(std::move(layers)) {}

  [[nodiscard]] Interest wants(HookPoint) const override { return Interest::none; }
  Tensor visit(const Visit&, const Tensor& value) override { return value; }
  [[nodiscard]] bool wants_attention(int layer) const override;
  void visit_attention(const Visit& visit, const AttentionInputs& in) override;

 private:
  StatisticsRequest request_;
  Receive receive_;
  std::vector<int> layers_;
};

// Throws DataError naming the first head of `layer` that has statistics which are NaN or infinite,
// and what to do about it: q, k or scores were so.
void require_finite(const AttentionStatistics& statistics, int layer, const Model& model);

}  // namespace headscope
