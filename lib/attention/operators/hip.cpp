#include <limits>
#include <memory>

#include <ATen/ops/gather.h>
#include <ATen/ops/topk.h>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

struct HipSettings {
  std::int64_t keep = 512;  // keys a query
  std::int64_t block = 2;   // keys of a segment in the end
  std::int64_t local = 1;
  std::int64_t sink = 0;
};

// Segments [begin, end) of each query's keys, [B, h, T, n] int64.
struct Segments {
  Tensor begin, end;
};

// Halves of those that are longer than a block: the first halves, then the second ones, of which
// those of short segments are empty.
Segments halved(const Segments& whole, std::int64_t block) {
  const Tensor length = whole.end - whole.begin;
  const Tensor half = whole.begin + (length + 1).floor_divide(2);
  const Tensor middle = at::where(length.le(block), whole.end, half);
  return {at::cat({whole.begin, middle}, -1), at::cat({middle, whole.end}, -1)};
}

class TreeTopK final : public KeySelection {
 public:
  explicit TreeTopK(const HipSettings& settings) : s_(settings) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    return s_.keep / s_.block * s_.block;
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor& scores) const override {
    // Columns of the keys, in which places begin behind the padding.
    const Tensor pads = at::arange(scores.size(3), in.key.options()).view({1, 1, 1, -1}) - in.key;
    const Tensor first = pads.narrow(3, 0, 1);
    Segments segments = start(in, scores);
    for (std::int64_t longest = most_keys(segments); longest > s_.block;
         longest = (longest + 1) / 2) {
      segments = best(halved(segments, s_.block), scores, first);
    }
    const Tensor near = in.key.gt(in.query - s_.local).logical_or(in.key.lt(s_.sink));
    return keys_of(segments, scores, first).logical_or(near).logical_not();
  }

 private:
  // keep / block segments of the keys up to the query's own, as equal as can be.
  [[nodiscard]] Segments start(const OperatorInputs& in, const Tensor& scores) const {
    const std::int64_t n = s_.keep / s_.block;
    const Tensor keys = (in.query + 1).clamp_min(0);  // [B or 1, 1, T, 1]
    const Tensor bound = at::arange(n + 1, in.key.options()).mul(keys).floor_divide(n);
    const std::vector<std::int64_t> shape{scores.size(0), scores.size(1), scores.size(2), n};
    return {bound.narrow(3, 0, n).expand(shape), bound.narrow(3, 1, n).expand(shape)};
  }

  static std::int64_t most_keys(const Segments& segments) {
    return (segments.end - segments.begin).max().item<std::int64_t>();
  }

  // As many of them as there were before they were halved: those whose first keys score highest.
  [[nodiscard]] Segments best(const Segments& halves,
                              const Tensor& scores,
                              const Tensor& first) const {
    Tensor score =
        at::full(halves.begin.sizes(), -std::numeric_limits<float>::infinity(), scores.options());
    for (std::int64_t i = 0; i < s_.block; ++i) {
      const Tensor place = halves.begin + i;
      const Tensor column = (place + first).clamp(0, scores.size(3) - 1);
      const Tensor here =
          at::gather(scores, 3, column)
              .masked_fill(place.ge(halves.end), -std::numeric_limits<float>::infinity());
      score = score.maximum(here);
    }
    const Tensor chosen = std::get<1>(at::topk(score, halves.begin.size(3) / 2, -1));
    return {at::gather(halves.begin, 3, chosen), at::gather(halves.end, 3, chosen)};
  }

  [[nodiscard]] Tensor keys_of(const Segments& segments,
                               const Tensor& scores,
                               const Tensor& first) const {
    Tensor kept = at::zeros(scores.sizes(), scores.options().dtype(at::kLong));
    for (std::int64_t i = 0; i < s_.block; ++i) {
      const Tensor place = segments.begin + i;
      const Tensor column = (place + first).clamp(0, scores.size(3) - 1);
      kept.scatter_add_(3, column, place.lt(segments.end).to(at::kLong));
    }
    return kept.gt(0);
  }

  HipSettings s_;
};

void check_hip(const OperatorValues& values) {
  if (values.count("block") > values.count("keep")) {
    throw UsageError("operator hip: block is {}, more than the {} keys of keep",
                     values.count("block"),
                     values.count("keep"));
  }
}

std::shared_ptr<const HeadOperator> make_hip(const OperatorValues& values, const OperatorPlace&) {
  const HipSettings settings{.keep = values.count("keep"),
                             .block = values.count("block"),
                             .local = values.count("local"),
                             .sink = values.count("sink")};
  return std::make_shared<TreeTopK>(settings);
}

}  // namespace

AttentionOperator hip_operator() {
  return {.name = "hip",
          .kind = AttentionOperator::Kind::selection,
          .summary = "Top-k found by halving: a tree whose branches are pruned by their first keys",
          .definition =
              "The keys of query i are cut into keep / block equal segments. Until none is "
              "longer than block, each is halved, a half is scored by the best of its "
              "first `block` keys, and the best keep / block halves go on. Their keys are "
              "seen, and the last `local` and first `sink`. Each query for itself, which "
              "HiP does for blocks of 32.",
          .source = "HiP, Lee et al. 2024, arXiv:2406.09827",
          .parameters = {{.name = "keep", .meaning = "keys a query", .least = 2},
                         {.name = "block",
                          .meaning = "keys of a segment in the end, at most `keep`",
                          .otherwise = 2},
                         {.name = "local", .meaning = "last tokens that are seen", .otherwise = 1},
                         {.name = "sink",
                          .meaning = "first tokens that are seen",
                          .otherwise = 0,
                          .least = 0}},
          .check = check_hip,
          .make = make_hip};
}

}  // namespace headscope
