// An attention layer whose queries and keys are random and stay so, its values fitted: the risk
// against the number of heads and of samples (Fu et al. 2023, arXiv:2307.11353).
#include <cmath>

#include <fmt/format.h>

#include <ATen/ops/eye.h>

#include "analyses/training/trained_reproduction.h"
#include "lib/tensor/dense.h"
#include "lib/tensor/gaussian.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kWidth = 8;      // d of queries and keys
constexpr std::int64_t kKeys = 16;      // N
constexpr std::int64_t kTested = 2000;  // samples that risks are measured on
constexpr std::int64_t kMostHeads = 64;
constexpr double kRidge = 1.0;  // times the number of samples and the features' mean square

struct Samples {
  Tensor query;   // [n, d], on the sphere of radius √d
  Tensor keys;    // [n, N, d], likewise
  Tensor target;  // [n, 1]
};

Tensor on_sphere(const Tensor& x) {
  return x * (std::sqrt(static_cast<double>(kWidth)) / x.square().sum(-1, true).sqrt());
}

// y = mean over keys of (q·k/√d)² · k_1, no matter in which order the keys come; scaled to have
// variance about 1.
Samples draw_samples(std::int64_t n, std::uint64_t seed) {
  Samples s;
  s.query = on_sphere(gaussian({n, kWidth}, seed, 0).to(at::kDouble));
  s.keys = on_sphere(gaussian({n, kKeys, kWidth}, seed, 1).to(at::kDouble));
  const Tensor dot = at::einsum("nd,nkd->nk", {s.query, s.keys}) / std::sqrt(kWidth * 1.0);
  s.target = (dot.square() * s.keys.select(2, 0)).mean(1, true) * std::sqrt(kKeys / 3.0);
  return s;
}

// Head m: mean over keys of ReLU(q·W_m k / d) k; all of them, [n, M d].
Tensor attention_features(const Samples& s, const Tensor& heads) {
  const Tensor asked = at::einsum("nd,mde->nme", {s.query, heads}) / kWidth;
  const Tensor scores = at::relu(at::einsum("nme,nke->nmk", {asked, s.keys}));
  return (at::einsum("nmk,nkd->nmd", {scores, s.keys}) / kKeys).flatten(1);
}

// The same without attention: ReLU of random directions of query and mean key, as many features.
Tensor plain_features(const Samples& s, const Tensor& directions) {
  const Tensor both = at::cat({s.query, s.keys.flatten(1)}, 1);
  return at::relu(at::matmul(both, directions) / std::sqrt(static_cast<double>(both.size(1))));
}

// The mean squared error of ridge regression, over that of saying the mean.
double fitted_risk(const Tensor& x, const Samples& seen, const Tensor& test, const Samples& asked) {
  const auto n = static_cast<double>(x.size(0));
  const Tensor gram = at::matmul(x.t(), x) + at::eye(x.size(1), x.options()) *
                                                 (kRidge * n * x.square().mean().item<double>());
  const Tensor weights = solve_symmetric(gram, at::matmul(x.t(), seen.target));
  const Tensor error = at::matmul(test, weights) - asked.target;
  return (error.square().mean() / asked.target.var()).item<double>();
}

// What is measured alike at every number of samples.
struct RiskTest {
  Samples asked;
  Tensor heads;       // [most heads, width, width], random
  Tensor directions;  // [inputs, most heads · width], random
};

RiskTest risk_test() {
  return {draw_samples(kTested, 99),
          gaussian({kMostHeads, kWidth, kWidth}, 7, 0).to(at::kDouble),
          gaussian({kWidth * (1 + kKeys), kMostHeads * kWidth}, 8, 0).to(at::kDouble)};
}

constexpr std::int64_t kHeadCounts[] = {1, 4, 16, 64};

// The risks of so many samples, over the target's variance.
struct Risks {
  std::vector<double> attention;  // by kHeadCounts
  double network = 0.0;
};

Risks risks_of(const RiskTest& test, const Samples& seen) {
  Risks risks;
  for (const std::int64_t m : kHeadCounts) {
    const Tensor some = test.heads.narrow(0, 0, m);
    risks.attention.push_back(fitted_risk(
        attention_features(seen, some), seen, attention_features(test.asked, some), test.asked));
  }
  risks.network = fitted_risk(plain_features(seen, test.directions),
                              seen,
                              plain_features(test.asked, test.directions),
                              test.asked);
  return risks;
}

TrainedFindings empty_findings() {
  TrainedFindings found;
  found.tables.push_back(
      {.caption =
           "Risk on new samples over the target's variance, values fitted by ridge regression: "
           "attention with M random heads, and a network of as many random ReLU features that "
           "sees query and keys as one vector.",
       .columns = {"samples", "M = 1", "M = 4", "M = 16", "M = 64", "network, 64 d features"},
       .rows = {}});
  found.curves = {{.caption = "Risk over the number of heads (log2), 4096 samples.",
                   .x_axis = "log2 heads",
                   .panels = {{"risk", {}}}},
                  {.caption = "Risk over the number of samples (log2), 64 heads.",
                   .x_axis = "log2 samples",
                   .panels = {{"risk, attention", {}}, {"risk, network", {}}}}};
  return found;
}

TrainedFindings measure_random_features(const TrainedModels&) {
  const RiskTest test = risk_test();
  TrainedFindings found = empty_findings();
  Risks last;
  for (const std::int64_t n : {128, 512, 1024, 4096}) {
    last = risks_of(test, draw_samples(n, 5));
    std::vector<OrderedJson> row{n};
    row.insert(row.end(), last.attention.begin(), last.attention.end());
    row.push_back(last.network);
    found.tables[0].rows.push_back(row);
    const double log_n = std::log2(static_cast<double>(n));
    found.curves[1].panels[0].points.emplace_back(log_n, last.attention.back());
    found.curves[1].panels[1].points.emplace_back(log_n, last.network);
    found.measured.push_back({fmt::format("risk, 64 heads, {} samples", n), last.attention.back()});
    found.measured.push_back({fmt::format("risk, network, {} samples", n), last.network});
  }
  for (std::size_t i = 0; i < last.attention.size(); ++i) {
    const double log_m = std::log2(static_cast<double>(kHeadCounts[i]));
    found.curves[0].panels[0].points.emplace_back(log_m, last.attention[i]);
    found.measured.push_back(
        {fmt::format("risk, {} heads, 4096 samples", kHeadCounts[i]), last.attention[i]});
  }
  return found;
}

}  // namespace

TrainedReproduction random_features_reproduction() {
  return {.name = "random-features",
          .title = "Attention with frozen random queries and keys, its values fitted",
          .source = "Fu, Guo, Bai & Mei 2023, arXiv:2307.11353",
          .specs = {},
          .published = {{.what = "risk falls with heads and with samples",
                         .model = "random-feature attention",
                         .published = "yes",
                         .quantity = "risk, 64 heads, 4096 samples"},
                        {.what = "fewer samples than a random-feature network of one vector",
                         .model = "random-feature network",
                         .published = "yes",
                         .quantity = "risk, network, 4096 samples"}},
          .measure = measure_random_features};
}

}  // namespace headscope
