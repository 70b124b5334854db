#include "lib/attention/statistics_explicit.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include <ATen/ops/logsumexp.h>
#include <ATen/ops/sort.h>

#include "lib/attention/attention.h"
#include "lib/attention/head_operator.h"
#include "lib/attention/mask.h"
#include "lib/attention/operated_heads.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kStatisticsAtOnce = 1 << 22;  // 16 MB of f32

// Statistics of the queries that begin at one, [B, H, n, …], and what is summed over queries.
class QueryBlock {
 public:
  QueryBlock(const StatisticsInputs& in,
             const StatisticsRequest& request,
             std::int64_t begin,
             std::int64_t count)
      : in_(in), request_(request), begin_(begin), count_(count) {
    const auto options = in.q.options().dtype(at::kLong);
    const std::int64_t first = in.k.size(1) - in.q.size(1) + begin;
    query_ = at::arange(first, first + count, options).view({-1, 1});
    key_ = at::arange(in.k.size(1), options);
    const Tensor pads = in.pads.defined() ? in.pads.to(in.q.device()) : Tensor();
    first_ = pads.defined() ? pads.view({-1, 1, 1}) : at::zeros({1, 1, 1}, options);
    hidden_ = hidden_keys({first, count, in.k.size(1)}, pads, in.spec, in.q.device());
    find_pattern(first);
  }

  [[nodiscard]] AttentionStatistics rows() const {
    AttentionStatistics out;
    out.lse = lse_;
    if (request_.top_k > 0) {
      find_strongest(out);
    }
    out.offset_mass = each(request_.offsets, [&](std::int64_t offset) {
      return mass_at((query_ - offset).squeeze(1).view({1, 1, -1}));
    });
    out.window_mass = each(request_.windows, [&](std::int64_t window) {
      const Tensor near = key_.le(query_).logical_and(key_.gt(query_ - window));
      return (pattern_ * near).sum(-1);
    });
    if (request_.spans.defined()) {  // [n, B, S] → [B, 1, S, n]
      const Tensor spans = request_.spans.to(pattern_.device(), at::kFloat);
      out.span_mass = at::matmul(pattern_, spans.permute({1, 2, 0}).unsqueeze(1));
    }
    if (request_.targets.defined()) {
      std::vector<Tensor> masses;
      const Tensor targets = request_.targets.to(pattern_.device()).narrow(2, begin_, count_);
      for (std::int64_t n = 0; n < targets.size(0); ++n) {
        masses.push_back(mass_at(targets[n].unsqueeze(1)));
      }
      out.target_mass = at::stack(masses, -1);
    }
    out.first_mass = request_.first ? mass_at(first_) : Tensor();
    if (request_.entropy) {  // −p ln p, 0 where p is
      out.entropy = at::where(pattern_ > 0, pattern_ * pattern_.log(), 0.0).sum(-1).neg();
    }
    out.distance = request_.distance ? (pattern_ * (query_ - key_)).sum(-1) : Tensor();
    return out;
  }

  // Adds what is summed over queries to `out`.
  void add_to(AttentionStatistics& out) const {
    if (request_.columns) {
      out.column_mass.add_(pattern_.sum(2));
    }
    if (const std::int64_t block = request_.block; block > 0) {
      Tensor across = at::zeros({pattern_.size(0), pattern_.size(1), count_, out.block_map.size(3)},
                                pattern_.options());
      across.index_add_(3, key_.floor_divide(block), pattern_);
      const Tensor line = at::arange(begin_, begin_ + count_, key_.options()).floor_divide(block);
      out.block_map.index_add_(2, line, across);
    }
  }

 private:
  // p, 0 for queries of padding.
  void find_pattern(std::int64_t first) {
    const AttentionInputs block{
        .q = in_.q.narrow(1, begin_, count_),
        .k = in_.k,
        .v = {},
        .spec = in_.spec,
        .hidden = hidden_,
        .score_scale = of_block(in_.score_scale),
        .bias = of_block(in_.bias),
        .first_query = first,
        .pads = in_.pads.defined() ? in_.pads.to(in_.q.device()) : Tensor()};
    const Tensor scores = attention_scores(block);
    const Tensor padding = query_.view({1, 1, -1}) < first_;
    if (in_.spec.normalizer != PatternNormalizer::softmax) {
      lse_ = at::zeros({scores.size(0), scores.size(1), scores.size(2)}, scores.options());
      pattern_ = attention_pattern(scores, in_.spec).masked_fill(padding.unsqueeze(-1), 0.0);
      return;
    }
    if (in_.lse.defined()) {
      lse_ = in_.lse.narrow(2, begin_, count_).to(scores.device());
    } else {
      lse_ = at::logsumexp(scores, {-1});
      if (in_.spec.sinks.defined()) {
        lse_ = at::logsumexp(at::stack({lse_, in_.spec.sinks.view({1, -1, 1}).expand_as(lse_)}, -1),
                             {-1});
      }
    }
    lse_ = lse_.masked_fill(padding, 0.0);
    pattern_ = (scores - lse_.unsqueeze(-1)).exp().masked_fill(padding.unsqueeze(-1), 0.0);
    if (operators_normalize(in_.spec)) {
      pattern_ =
          operated_pattern(in_.spec, scores, pattern_).masked_fill(padding.unsqueeze(-1), 0.0);
      lse_ = lse_.index_fill(1, normalized_otherwise(), 0.0);
    }
  }

  // The heads whose operators bring a normalizer of their own.
  [[nodiscard]] Tensor normalized_otherwise() const {
    std::vector<std::int64_t> heads;
    for (const OperatedHeads& group : operated_heads(in_.spec)) {
      if (group.by->normalizes()) {
        heads.insert(heads.end(), group.heads.begin(), group.heads.end());
      }
    }
    return index_tensor(heads, lse_.device());
  }

  // The queries' part of what changes scores.
  [[nodiscard]] Tensor of_block(const Tensor& whole) const {
    return whole.defined() && whole.size(2) > 1 ? whole.narrow(2, begin_, count_) : whole;
  }

  // p of one column a query [B or 1, 1, n]; 0 where there is none.
  [[nodiscard]] Tensor mass_at(const Tensor& column) const {
    const auto rows = {pattern_.size(0), pattern_.size(1), pattern_.size(2)};
    const Tensor wanted = column.expand(rows);
    const Tensor there = wanted.ge(0).logical_and(wanted.lt(pattern_.size(3)));
    const Tensor index = at::where(there, wanted, at::zeros_like(wanted)).unsqueeze(-1);
    return pattern_.gather(-1, index).squeeze(-1) * there;
  }

  template <typename Mass>
  [[nodiscard]] Tensor each(const std::vector<std::int64_t>& list, const Mass& mass) const {
    std::vector<Tensor> masses;
    std::transform(list.begin(), list.end(), std::back_inserter(masses), mass);
    return masses.empty() ? Tensor() : at::stack(masses, -1);
  }

  // Among keys that are seen; earlier keys first where weights are equal.
  void find_strongest(AttentionStatistics& out) const {
    const Tensor padding = (query_.view({1, 1, -1}) < first_).unsqueeze(-1);
    const Tensor weight = pattern_.masked_fill(hidden_.logical_or(padding), -1.0);
    const auto [sorted, key] = at::sort(weight, /*stable=*/true, /*dim=*/-1, /*descending=*/true);
    const std::int64_t found = std::min(request_.top_k, weight.size(-1));
    const auto size = {weight.size(0), weight.size(1), count_, request_.top_k};
    out.top_key = at::full(size, -1, key.options());
    out.top_weight = at::zeros(size, weight.options());
    const Tensor strongest = sorted.narrow(-1, 0, found);
    const Tensor none = strongest < 0;
    out.top_key.narrow(-1, 0, found).copy_(key.narrow(-1, 0, found).masked_fill(none, -1));
    out.top_weight.narrow(-1, 0, found).copy_(strongest.masked_fill(none, 0.0));
  }

  const StatisticsInputs& in_;
  const StatisticsRequest& request_;
  std::int64_t begin_, count_;
  Tensor query_, key_;  // columns [n, 1] and [S]
  Tensor first_;        // [B or 1, 1, 1]: the column of each row's first token
  Tensor hidden_;       // [B or 1, 1, n, S]
  Tensor lse_, pattern_;
};

}  // namespace

// The kernels apply a soft-cap, slopes and sinks, and get a scale a head with the queries; what
// else forms scores they do not know.
bool statistics_kernels_know(const AttentionSpec& spec) {
  AttentionSpec rest = spec;
  rest.softcap = 0.0;
  rest.head_scale = rest.alibi = rest.sinks = Tensor();
  return is_causal(spec) && !forms_scores(rest);
}

AttentionStatistics attention_statistics_explicit(const StatisticsInputs& in,
                                                  const StatisticsRequest& request) {
  const std::int64_t batch = in.q.size(0), queries = in.q.size(1), heads = in.q.size(2);
  const std::int64_t keys = in.k.size(1), block = std::max<std::int64_t>(1, request.block);
  const auto options = in.q.options().dtype(at::kFloat);
  AttentionStatistics out;
  out.column_mass = request.columns ? at::zeros({batch, heads, keys}, options) : Tensor();
  if (request.block > 0) {
    out.block_map = at::zeros(
        {batch, heads, (queries + block - 1) / block, (keys + block - 1) / block}, options);
  }
  const std::int64_t step =
      std::clamp<std::int64_t>(kStatisticsAtOnce / (batch * heads * keys), 1, queries);
  std::vector<AttentionStatistics> blocks;
  for (std::int64_t begin = 0; begin < queries; begin += step) {
    const QueryBlock some(in, request, begin, std::min(step, queries - begin));
    blocks.push_back(some.rows());
    some.add_to(out);
  }
  for (const auto field : kStatisticsOfQueries) {
    if ((blocks.front().*field).defined()) {
      std::vector<Tensor> parts;
      for (const AttentionStatistics& some : blocks) {
        parts.push_back(some.*field);
      }
      out.*field = at::cat(parts, 2);
    }
  }
  return out;
}

}  // namespace headscope
