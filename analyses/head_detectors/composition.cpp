#include "analyses/head_detectors/composition.h"

#include <algorithm>
#include <limits>

#include <ATen/ops/linalg_qr.h>

#include "analyses/head_detectors/head_weights.h"
#include "lib/tensor/gaussian.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// R of x [n, rows, columns], rows ≥ columns or not: xᵀx = RᵀR. [n, ≤ columns, columns]
Tensor triangle(const Tensor& x) {
  return std::get<1>(at::linalg_qr(x.to(at::kCPU), "r")).to(x.device());
}

// Of every head: what it writes, factor L [d_head, d_model] with ‖W_OV M‖ = ‖L M‖; and what reads
// for each kind, M [d_model, d_head] with ‖X M'‖ = ‖X M‖ for the whole M'. Norms of the whole too.
struct Factors {
  Tensor writes;                // [N, d_head, d_model]
  std::array<Tensor, 3> reads;  // [N, d_head, d_model], transposed
};

// ‖x y‖ for all x does not change if y [n, a, d_model] becomes its R.
Tensor small_right(const Tensor& left, const Tensor& right) {
  return at::matmul(left, triangle(right.transpose(1, 2)).transpose(1, 2));
}

Factors factors_of(const Model& model) {
  std::array<std::vector<Tensor>, 4> parts;
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    const HeadWeights w = head_weights(model, layer);
    const Tensor Kt = w.K.transpose(1, 2);
    const Tensor Qt = w.Q.transpose(1, 2);
    parts[0].push_back(small_right(w.Q, Kt).transpose(1, 2));
    parts[1].push_back(small_right(w.K, Qt).transpose(1, 2));
    parts[2].push_back(small_right(w.V, w.O).transpose(1, 2));
    parts[3].push_back(at::matmul(triangle(w.V), w.O));
  }
  return {at::cat(parts[3]), {at::cat(parts[0]), at::cat(parts[1]), at::cat(parts[2])}};
}

// Rows [begin, begin + count) of every xᵀx, x [N, r, d]: [N, count · d].
Tensor gram_rows(const Tensor& x, std::int64_t begin, std::int64_t count) {
  return at::bmm(x.narrow(2, begin, count).transpose(1, 2), x).flatten(1);
}

Tensor norms(const Tensor& x) {
  return x.flatten(1).norm(2, {1});
}

// NaN unless column's head is in a later layer than row's.
Tensor without_earlier(const Tensor& scores, const ModelConfig& c) {
  const Tensor layer =
      at::arange(c.n_layers * c.n_heads, scores.options().dtype(at::kLong)).floor_divide(c.n_heads);
  const Tensor not_later = layer.unsqueeze(1).ge(layer.unsqueeze(0));
  return scores.masked_fill(not_later, std::numeric_limits<float>::quiet_NaN());
}

Tensor quotient(const Tensor& squares, const Tensor& writes, const Tensor& reads) {
  const Tensor sizes = at::outer(norms(writes), norms(reads));
  const Tensor score = squares.clamp_min(0).sqrt() / sizes.clamp_min(1e-30);
  return at::where(sizes.gt(0), score, at::zeros_like(score));
}

}  // namespace

Tensor composition_scores(const Model& model, const CompositionOptions& options) {
  const ModelConfig& c = model.config();
  Factors factors = factors_of(model);
  if (options.shuffle.defined()) {
    factors.writes = factors.writes.index_select(2, options.shuffle.to(factors.writes.device()));
  }
  const std::int64_t heads = c.n_layers * c.n_heads;
  std::array<Tensor, 3> squares;
  squares.fill(at::zeros({heads, heads}, factors.writes.options()));
  for (std::int64_t begin = 0; begin < c.d_model; begin += options.rows_at_once) {
    if (options.stop && options.stop()) {
      return {};
    }
    const std::int64_t count = std::min(options.rows_at_once, c.d_model - begin);
    const Tensor writes = gram_rows(factors.writes, begin, count);
    for (std::size_t kind = 0; kind < squares.size(); ++kind) {
      squares[kind] =
          squares[kind] + at::matmul(writes, gram_rows(factors.reads[kind], begin, count).t());
    }
  }
  std::vector<Tensor> scores;
  for (std::size_t kind = 0; kind < squares.size(); ++kind) {
    scores.push_back(
        without_earlier(quotient(squares[kind], factors.writes, factors.reads[kind]), c));
  }
  return at::stack(scores);
}

double random_composition(const ModelConfig& config, std::int64_t pairs, std::uint64_t seed) {
  const auto product = [&](std::uint64_t which) {
    return at::matmul(gaussian({config.d_model, config.d_head}, seed, which),
                      gaussian({config.d_head, config.d_model}, seed, which + 1));
  };
  double sum = 0.0;
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const Tensor a = product(static_cast<std::uint64_t>(4 * pair));
    const Tensor b = product(static_cast<std::uint64_t>(4 * pair + 2));
    sum += (at::matmul(a, b).norm() / (a.norm() * b.norm())).item<double>();
  }
  return sum / static_cast<double>(pairs);
}

}  // namespace headscope
