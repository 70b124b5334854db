// Composition: does a later head read what this one writes?
#include <cmath>
#include <limits>
#include <span>

#include <ATen/ops/nan_to_num.h>

#include "analyses/head_detectors/composition.h"
#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/head_samples.h"
#include "lib/base/json.h"
#include "lib/base/ranking.h"
#include "lib/tensor/gaussian.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kRandomPairs = 8;  // a seed
constexpr std::size_t kCompositionNoted = 20;

// Of scores [3, N, N], the largest of each writing head, less the baseline: [1, L, H]. Heads of the
// last layer write to none: 0.
Tensor largest_into(const Tensor& scores, double baseline, const ModelConfig& c) {
  const Tensor above = (scores - baseline).nan_to_num(-std::numeric_limits<float>::infinity());
  const Tensor best = above.amax({0, 2}).view({1, c.n_layers, c.n_heads}).to(at::kCPU, at::kDouble);
  return at::where(best.isinf(), at::zeros_like(best), best);
}

// The pairs of heads with the largest scores. Of scores [N, N], writing × reading heads, NaN where
// the reader does not come later.
OrderedJson strongest_pairs(const Tensor& scores, double baseline, const HeadGrid& heads) {
  OrderedJson pairs = OrderedJson::array();
  const Tensor above = (scores - baseline).to(at::kCPU, at::kDouble).flatten();
  const std::span values(above.const_data_ptr<double>(), static_cast<std::size_t>(above.numel()));
  for (const std::size_t at : ranking(values)) {
    if (pairs.size() == kCompositionNoted || std::isnan(values[at])) {
      break;
    }
    pairs.push_back({{"writes", head_json(heads.head_at(at / heads.size()))},
                     {"reads", head_json(heads.head_at(at % heads.size()))},
                     {"above_random", values[at]}});
  }
  return pairs;
}

Finding run_composition(const DetectorContext& context) {
  const ModelConfig& c = context.model.config();
  const Tensor scores = composition_scores(context.model, {.stop = context.stop});
  Finding finding;
  if (!scores.defined()) {
    return finding;
  }
  std::vector<Tensor> above;
  std::vector<Tensor> controls;
  double baseline = 0.0;
  for (const std::uint64_t seed : context.seeds) {
    const double random = random_composition(c, kRandomPairs, seed);
    baseline += random / static_cast<double>(context.seeds.size());
    above.push_back(largest_into(scores, random, c));
    const Tensor control = composition_scores(
        context.model, {.shuffle = permutation(c.d_model, seed), .stop = context.stop});
    if (control.defined()) {
      controls.push_back(largest_into(control, random, c));
    }
  }
  finding.scores = head_samples(above);
  finding.control = head_samples(controls);
  finding.notes["random_baseline"] = baseline;
  for (const auto& [kind, name] : {std::pair{0, "strongest_q_composition"},
                                   std::pair{1, "strongest_k_composition"},
                                   std::pair{2, "strongest_v_composition"}}) {
    finding.notes[name] = strongest_pairs(scores[kind], baseline, head_grid(c));
  }
  return finding;
}

std::string composition_undefined(const Model& model) {
  return model.config().n_layers > 1 ? "" : "one layer: no head is behind another";
}

}  // namespace

Detector composition_detector() {
  return {
      .name = "composition",
      .role = "composing head",
      .summary = "what it writes is read by a later head's queries, keys or values",
      .definition =
          "the largest, over later heads B and kinds Q, K, V, of ‖W_OV W_B‖ / (‖W_OV‖ ‖W_B‖) less "
          "what Gaussian matrices of these shapes have; heads of the last layer have 0. Control: "
          "the "
          "dimensions of the stream shuffled between writer and reader. notes: the strongest pairs",
      .source =
          "Elhage et al. 2021, A Mathematical Framework for Transformer Circuits, \"Composition\"",
      .threshold = std::nullopt,
      .threshold_source = "",
      .undefined = composition_undefined,
      .reads = Detector::Reads::weights,
      .run = run_composition,
  };
}

}  // namespace headscope
