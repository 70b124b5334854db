// Copying: does a head's OV circuit raise the token it reads?
#include <ATen/ops/real.h>

#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/effective_embedding.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/head_weights.h"
#include "analyses/head_detectors/ov_circuit.h"
#include "analyses/head_detectors/token_sample.h"
#include "lib/base/json.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/dense.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kCopyingTokens = 128;   // a seed
constexpr std::int64_t kCopyingScreen = 1024;  // tokens
constexpr std::int64_t kCopyingTop = 5;

// Re(Σλ) / Σ|λ| of each of square [n, d, d]: [n] f64. A matrix of zeros copies nothing.
Tensor positive_share(const Tensor& square) {
  const Tensor values = eigenvalues(square);
  const Tensor size = values.abs().sum(-1);
  const Tensor sum = at::real(values).sum(-1);
  return at::where(size.gt(0), sum / size.clamp_min(1e-300), at::zeros_like(sum));
}

OrderedJson copying_by_layer(const Tensor& values) {
  OrderedJson rows = OrderedJson::array();
  for (std::int64_t layer = 0; layer < values.size(0); ++layer) {
    OrderedJson row = OrderedJson::array();
    for (std::int64_t head = 0; head < values.size(1); ++head) {
      row.push_back(values[layer][head].item<double>());
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Finding eigenvalue_share(const DetectorContext& context) {
  // W_E W_V W_O W_U has the eigenvalues of W_O (W_U W_E) W_V, d_head × d_head, and zeros.
  // Centred: what is added to the logits of all tokens alike is no copying.
  const Tensor W_U = folded_unembedding(context.model);
  const Tensor through = at::matmul((W_U - W_U.mean(0, true)).t(), embedding(context.model));
  std::vector<Tensor> plain;
  const auto of_layer = [&](std::int64_t layer) {
    const HeadWeights w = head_weights(context.model, layer);
    plain.push_back(positive_share(at::bmm(w.O, w.V)));
    return positive_share(at::bmm(at::matmul(w.O, through), w.V));
  };
  const Tensor scores = over_layers(context, 0, of_layer);
  Finding finding;
  if (scores.defined()) {
    finding.scores = head_samples(scores.unsqueeze(0));
    finding.notes["w_ov_eigenvalues"] = copying_by_layer(at::stack(plain));
  }
  return finding;
}

// [2, tokens, layers, heads]: 1 where the token is among the likeliest after the head has read it;
// and where another token of the sample is.
Tensor copied(const DetectorContext& context, std::uint64_t seed) {
  const Model& model = context.model;
  const std::vector<std::int32_t> tokens = sample_tokens(model, kCopyingTokens, seed);
  const Tensor ids = index_tensor({tokens.begin(), tokens.end()}, to_torch(model.device()));
  const Tensor streams = effective_embedding(model, tokens);
  const OwnLogits logits(model, Biases::kept, kCopyingScreen, seed);
  return over_layers(context, 2, [&](std::int64_t layer) {
    const Tensor written = ov_written(model, layer, streams, Biases::kept).flatten(0, 1);
    const auto hits = [&](const Tensor& wanted) {
      const Tensor all = wanted.repeat({model.config().n_heads});
      const Tensor in_top = logits.among(written, all, OwnLogits::Side::highest, kCopyingTop);
      return in_top.view({model.config().n_heads, -1}).t().to(at::kDouble);
    };
    return at::stack({hits(ids), hits(ids.roll(1))});
  });
}

Finding top_share(const DetectorContext& context) {
  std::vector<Tensor> scores;
  std::vector<Tensor> controls;
  for (const std::uint64_t seed : context.seeds) {
    const Tensor both = copied(context, seed);
    if (!both.defined()) {
      break;
    }
    scores.push_back(both[0]);
    controls.push_back(both[1]);
  }
  return {head_samples(scores), head_samples(controls)};
}

}  // namespace

Detector copying_detector() {
  return {
      .name = "copying",
      .role = "copying head (eigenvalues)",
      .summary = "the OV circuit maps tokens to themselves: its eigenvalues are positive",
      .definition =
          "Re(Σλ) / Σ|λ| over the eigenvalues λ of W_E W_V W_O W_U (those of the d_head × d_head "
          "matrix W_O W_U W_E W_V), gains of norms folded in, W_U centred over the vocabulary; "
          "from −1 "
          "to 1. notes: the same of W_V W_O alone",
      .source =
          "Elhage et al. 2021, A Mathematical Framework for Transformer Circuits, \"Detecting "
          "copying behavior\"",
      .threshold = 0.5,
      .threshold_source = "ours: half of what a head of positive eigenvalues alone has",
      .reads = Detector::Reads::weights,
      .run = eigenvalue_share,
  };
}

Detector copying_score_detector() {
  return {
      .name = "copying_score",
      .role = "copying head",
      .summary = "a token it attends to is among the five likeliest that it writes",
      .definition =
          "share of a sample of tokens whose own logit is among the 5 highest of effective "
          "embedding "
          "→ norm → W_V → W_O → final norm → W_U. Control: another token of the sample in the "
          "place of "
          "the own",
      .source = "Wang et al. 2022, arXiv:2211.00593, section 3.1 and appendix I, on any token",
      .threshold = 0.2,
      .threshold_source =
          "ours: the most that Wang et al. give an average head (name movers have over 95 %)",
      .run = top_share,
  };
}

}  // namespace headscope
