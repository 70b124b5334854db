// Copy suppression: does a head lower the token it reads, and does it look for it?
#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/effective_embedding.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/ov_circuit.h"
#include "analyses/head_detectors/token_sample.h"
#include "lib/base/json.h"
#include "lib/model/norm.h"
#include "lib/model/qkv.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kCopySuppressionTokens = 128;   // a seed
constexpr std::int64_t kCopySuppressionScreen = 2048;  // tokens of the vocabulary that stand for it
constexpr double kLowest = 0.05;
constexpr std::int64_t kMostNegative = 10;
constexpr std::size_t kCopySuppressionNoted = 10;  // heads

struct Sample {
  Tensor ids;      // [N]
  Tensor streams;  // [N, d_model], effective embeddings
};

Sample sample_of(const Model& model, std::uint64_t seed) {
  const std::vector<std::int32_t> tokens = sample_tokens(model, kCopySuppressionTokens, seed);
  return {index_tensor({tokens.begin(), tokens.end()}, to_torch(model.device())),
          effective_embedding(model, tokens)};
}

// [tokens, layers, heads]: 1 where the token is in the lowest part of what the head writes.
Tensor lowered(const DetectorContext& context, const Sample& sample, std::uint64_t seed) {
  const Model& model = context.model;
  const OwnLogits logits(model, Biases::dropped, kCopySuppressionScreen, seed);
  const Tensor all = sample.ids.repeat({model.config().n_heads});
  return over_layers(context, 1, [&](std::int64_t layer) {
    const Tensor written = ov_written(model, layer, sample.streams, Biases::dropped).flatten(0, 1);
    const Tensor ranks = logits.rank_from_below(written, all);
    return ranks.lt(kLowest).view({model.config().n_heads, -1}).t().to(at::kDouble);
  });
}

// The same of tokens that stand in for those read, each for its neighbour in the sample.
Tensor lowered_others(const DetectorContext& context, const Sample& sample, std::uint64_t seed) {
  return lowered(context, {sample.ids.roll(1), sample.streams}, seed);
}

double most_negative_share(const Model& model, const HeadId& at, const Sample& sample) {
  const OwnLogits logits(model, Biases::dropped, kCopySuppressionScreen, 0);
  const Tensor written = ov_written(model, at.layer, sample.streams, Biases::dropped)[at.head];
  return logits.among(written, sample.ids, OwnLogits::Side::lowest, kMostNegative)
      .to(at::kDouble)
      .mean()
      .item<double>();
}

// Share of tokens predicted (unembeddings as queries) that find themselves, of all of the sample,
// as the key with the highest score. At one position: nothing is rotated.
double diagonal_share(const Model& model, const HeadId& at, const Sample& sample) {
  const Tensor predicted = model.weights().W_U.index_select(0, sample.ids).to(at::kFloat);
  const auto through = [&](HeadInput part, std::int64_t head, const Tensor& stream) {
    const HeadReading reading{at.layer, part, {head, 1}, Biases::dropped, DType::f32};
    return project_heads(model, reading, stream).squeeze(1);
  };
  const Tensor q = through(HeadInput::q, at.head, predicted);
  const Tensor k = through(HeadInput::k, at.head / model.config().heads_per_kv(), sample.streams);
  const Tensor best = at::matmul(q, k.t()).argmax(1);
  return best.eq(at::arange(best.size(0), best.options())).to(at::kDouble).mean().item<double>();
}

OrderedJson note(const Model& model, const HeadId& at, double share, const Sample& sample) {
  OrderedJson json = head_json(at);
  json["lowest_5_percent_share"] = share;
  json["lowest_10_tokens_share"] = most_negative_share(model, at, sample);
  if (model.config().qk_norm != QkNorm::whole) {  // else one head's queries are nothing alone
    json["own_key_best_share"] = diagonal_share(model, at, sample);
  }
  return json;
}

Finding run_copy_suppression(const DetectorContext& context) {
  std::vector<Tensor> scores;
  std::vector<Tensor> controls;
  Sample first;
  for (const std::uint64_t seed : context.seeds) {
    const Sample sample = sample_of(context.model, seed);
    const Tensor score = lowered(context, sample, seed);
    const Tensor control = score.defined() ? lowered_others(context, sample, seed) : Tensor();
    if (!control.defined()) {
      break;
    }
    first = first.ids.defined() ? first : sample;
    scores.push_back(score);
    controls.push_back(control);
  }
  Finding finding{head_samples(scores), head_samples(controls)};
  if (!scores.empty()) {
    OrderedJson heads = OrderedJson::array();
    const HeadScores shares = head_scores(at::cat(scores).mean(0));
    for (const HeadId& at : top_heads(shares, kCopySuppressionNoted)) {
      heads.push_back(note(context.model, at, shares[at], first));
    }
    finding.notes["strongest_heads"] = std::move(heads);
  }
  return finding;
}

}  // namespace

Detector copy_suppression_detector() {
  return {
      .name = "copy_suppression",
      .role = "copy suppression head",
      .summary = "a token it attends to is among the least likely that it writes",
      .definition =
          "share of a sample of tokens whose own logit is in the lowest 5 % of their row of W_EE "
          "W_V "
          "W_O W_U, W_EE the effective embedding W_E + MLP0(W_E), the row's place taken among "
          "2,048 "
          "sampled tokens. Control: the logit of another token of the sample in the place of the "
          "own. notes: share among the 10 most negative of the whole vocabulary; share of "
          "predicted "
          "tokens (rows of W_U as queries) whose own key is the best",
      .source = "McDougall et al. 2023, arXiv:2310.04625, section 3.1",
      .threshold = 0.5,
      .threshold_source =
          "ours: ten times chance; the paper has 98.86 % for head 10.7 of GPT-2 small, and no "
          "threshold",
      .run = run_copy_suppression,
  };
}

}  // namespace headscope
