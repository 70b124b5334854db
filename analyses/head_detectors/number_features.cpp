#include "analyses/head_detectors/number_features.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <ATen/ops/eye.h>

#include "lib/tensor/dense.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kBase = 10;
constexpr std::int64_t kFolds = 5;
constexpr double kRidge = 1e-2;  // of the mean squared length of a row

// Weights [n, n] such that weights · targets are the ridge regression's dual coefficients.
Tensor predictions(const Tensor& train, const Tensor& targets, const Tensor& test) {
  const Tensor middle = train.mean(0, true);
  const Tensor x = train - middle;
  const Tensor gram = at::matmul(x, x.t());
  const Tensor ridge = at::eye(x.size(0), gram.options()) * (gram.diagonal().mean() * kRidge);
  const Tensor dual = solve_symmetric(gram + ridge, targets);
  return at::matmul(at::matmul(test - middle, x.t()), dual);
}

Tensor class_means(const Tensor& rows) {
  std::vector<Tensor> means;
  for (std::int64_t digit = 0; digit < kBase; ++digit) {
    means.push_back(rows.slice(0, digit, rows.size(0), kBase).mean(0));
  }
  return at::stack(means);
}

// The number nearest to `index` that ends in `digit`, below `count`; −1: two are as near.
std::int64_t nearest(std::int64_t index, std::int64_t digit, std::int64_t count) {
  std::int64_t best = -1;
  std::int64_t least = count;
  for (std::int64_t n = digit; n < count; n += kBase) {
    const std::int64_t away = std::abs(n - index);
    best = away < least ? n : away == least ? -1 : best;
    least = std::min(least, away);
  }
  return best;
}

}  // namespace

double mod10_probe(const Tensor& rows) {
  const Tensor x = rows.to(at::kCPU, at::kDouble);
  const Tensor index = at::arange(x.size(0), at::kLong);
  const Tensor digit = index.remainder(kBase);
  const Tensor fold = index.floor_divide(kBase).remainder(kFolds);
  const Tensor targets = at::eye(kBase, at::kDouble).index_select(0, digit);
  double right = 0.0;
  for (std::int64_t held = 0; held < kFolds; ++held) {
    const Tensor out = fold.eq(held).nonzero().squeeze(1);
    const Tensor in = fold.ne(held).nonzero().squeeze(1);
    if (out.size(0) == 0) {
      continue;
    }
    const Tensor guess =
        predictions(x.index_select(0, in), targets.index_select(0, in), x.index_select(0, out))
            .argmax(1);
    right += guess.eq(digit.index_select(0, out)).sum().item<double>();
  }
  return right / static_cast<double>(x.size(0));
}

namespace {

struct Tried {
  double right = 0.0;
  double all = 0.0;
};

// Of rows `index` [n], moved into the class `to`.
Tried moved_into(std::int64_t to,
                 const Tensor& moved,
                 const Tensor& index,
                 std::int64_t count,
                 const std::function<Tensor(const Tensor&)>& logits_of) {
  const Tensor best = logits_of(moved).argmax(1).to(at::kCPU);
  Tried tried;
  for (std::int64_t row = 0; row < index.size(0); ++row) {
    const auto i = index[row].item<std::int64_t>();
    const std::int64_t want = nearest(i, (to + 1) % kBase, count);
    if (i >= kBase && i % kBase != to && want >= 0) {
      tried.all += 1.0;
      tried.right += best[row].item<std::int64_t>() == want ? 1.0 : 0.0;
    }
  }
  return tried;
}

}  // namespace

double mod10_arithmetic(const Tensor& rows, const std::function<Tensor(const Tensor&)>& logits_of) {
  const Tensor means = class_means(rows);
  const std::int64_t count = rows.size(0);
  const Tensor own = means.repeat({(count + kBase - 1) / kBase, 1}).narrow(0, 0, count);
  Tried all;
  for (std::int64_t to = 0; to < kBase; ++to) {
    const Tried one =
        moved_into(to, rows + means[to] - own, at::arange(count, at::kLong), count, logits_of);
    all.right += one.right;
    all.all += one.all;
  }
  return all.all > 0 ? all.right / all.all : 0.0;
}

Tensor digit_move(const Tensor& rows, const DigitMove& move) {
  const Tensor means = class_means(rows);
  return means[move.to] - means[move.from];
}

double digit_move_accuracy(const Tensor& rows,
                           const DigitMove& move,
                           const std::function<Tensor(const Tensor&)>& logits_of) {
  const Tensor moved = rows.slice(0, move.from, rows.size(0), kBase) + digit_move(rows, move);
  const Tensor index = at::arange(move.from, rows.size(0), kBase, at::kLong);
  const Tried tried = moved_into(move.to, moved, index, rows.size(0), logits_of);
  return tried.all > 0 ? tried.right / tried.all : std::nan("");
}

}  // namespace headscope
