#include <cmath>

#include <ATen/ops/sign.h>

#include "analyses/steering/applied.h"
#include "analyses/steering/contrast.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/head_shift.h"
#include "analyses/steering/methods.h"
#include "lib/base/error.h"
#include "lib/base/head_scores.h"
#include "lib/base/random.h"
#include "lib/tensor/adam.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kWeightDecay = 0.01;  // as AdamW has it where nobody says otherwise

constexpr double kSelectionRate = 5e-3;
constexpr double kOffsetRate = 1e-2;
constexpr double kSparsity = 5e-4;  // λ of Σ |A|
constexpr std::int64_t kEpochs = 5;
constexpr std::size_t kItemsAStep = 8;
constexpr double kShareOfLofitHeads = 0.03;  // 32 of the 1,024 of Llama 2 7B
constexpr double kFirstSpread = 1e-3;

// Uniform, with the published standard deviation.
Tensor small_numbers(const Tensor& like, Random& random) {
  Tensor out = at::empty_like(like);
  float* values = out.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < out.numel(); ++i) {
    const double uniform = static_cast<double>(random.next() >> 11) * 0x1.0p-53;  // [0, 1)
    values[i] = static_cast<float>((2.0 * uniform - 1.0) * std::sqrt(3.0) * kFirstSpread);
  }
  return out;
}

// The examples in an order drawn anew, a few at a time.
std::vector<SteerData> minibatches(const SteerData& data, Random& random) {
  std::vector<SteerItem> items = data.items;
  random.shuffle(items);
  std::vector<SteerData> batches;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i % kItemsAStep == 0) {
      batches.push_back({.kind = data.kind, .path = data.path, .hash = data.hash});
    }
    batches.back().items.push_back(items[i]);
  }
  return batches;
}

// The gradient of the mean of −log σ(score): of an item, −σ(−score) that of its score.
HeadShift loss_gradient(const Model& model,
                        const std::shared_ptr<HeadShift>& shift,
                        const SteerData& batch) {
  const Contrast contrast(batch);
  const Model changed = shifted(model, shift);
  std::vector<double> weights;
  for (const double score : contrast.scores(changed, unchanged)) {
    weights.push_back(-1.0 / (1.0 + std::exp(score)) / static_cast<double>(batch.items.size()));
  }
  HeadShiftGradients tap(*shift);
  contrast.gradients(changed, tap, weights);
  return tap.sums;
}

struct Training {
  const SteerRequest& request;
  std::shared_ptr<HeadShift> shift;
  Random random;
};

// Learns all A with v = 0. Returns the norm of each head's.
HeadScores learn_scales(Training& training, double rate) {
  const SteerRequest& request = training.request;
  HeadShift& shift = *training.shift;
  shift.scale = small_numbers(shift.scale, training.random);
  Adam adam(shift.scale, {.rate = rate, .weight_decay = kWeightDecay});
  const std::int64_t epochs = request.settings.steps.value_or(kEpochs);
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    for (const SteerData& batch : minibatches(request.fit, training.random)) {
      const Tensor slope = loss_gradient(request.model, training.shift, batch).scale;
      shift.scale = adam.step(shift.scale, slope + at::sign(shift.scale) * kSparsity);
    }
  }
  HeadScores norms({request.model.config().n_layers, request.model.config().n_heads});
  for (const HeadId& head : norms.heads()) {
    norms[head] = shift.scale[head.layer][head.head].pow(2).sum().sqrt().item<double>();
  }
  shift.scale = at::zeros_like(shift.scale);
  return norms;
}

void learn_offsets(Training& training, const std::vector<HeadId>& heads, double rate) {
  const SteerRequest& request = training.request;
  HeadShift& shift = *training.shift;
  Tensor trained = at::zeros_like(shift.offset);
  for (const HeadId& head : heads) {
    trained[head.layer][head.head].fill_(1.0);
  }
  shift.offset = small_numbers(shift.offset, training.random) * trained;
  Adam adam(shift.offset, {.rate = rate, .weight_decay = kWeightDecay});
  const std::int64_t epochs = request.settings.steps.value_or(kEpochs);
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    for (const SteerData& batch : minibatches(request.fit, training.random)) {
      const Tensor slope = loss_gradient(request.model, training.shift, batch).offset;
      shift.offset = adam.step(shift.offset, slope * trained) * trained;
    }
  }
}

std::size_t lofit_heads(const SteerRequest& request, std::size_t all) {
  const auto few =
      static_cast<std::int64_t>(std::ceil(kShareOfLofitHeads * static_cast<double>(all)));
  const auto count = static_cast<std::size_t>(request.settings.top.value_or(few));
  if (count < 1 || count > all) {
    throw UsageError("--top {}: the model has {}", count, all);
  }
  return count;
}

// Those of the largest scales, learned here, or those of another direction.
std::vector<HeadId> shifted_heads(Training& training, double rate, OrderedJson& chosen) {
  const SteerRequest& request = training.request;
  chosen = OrderedJson::array();
  if (request.settings.heads) {
    const std::vector<HeadId> heads = given_heads(request.model, request.settings);
    for (const HeadId& head : heads) {
      chosen.push_back({{"head", to_string(head)}});
    }
    return heads;
  }
  const HeadScores norms = learn_scales(training, rate * kSelectionRate / kOffsetRate);
  const std::vector<HeadId> heads = top_heads(norms, lofit_heads(request, norms.size()));
  for (const HeadId& head : heads) {
    chosen.push_back({{"head", to_string(head)}, {"scale_norm", norms[head]}});
  }
  return heads;
}

Steering fit_lofit(const SteerRequest& request) {
  const ModelConfig& config = request.model.config();
  const Tensor zeros = at::zeros({config.n_layers, config.n_heads, config.d_head}, at::kFloat);
  Training training{
      request, std::make_shared<HeadShift>(HeadShift{zeros, zeros}), Random(request.seed, "lofit")};
  const double rate = request.settings.rate.value_or(kOffsetRate);
  Steering out{.direction = direction_of(request.model, "lofit", Op::add), .edits = {}};
  const std::vector<HeadId> heads = shifted_heads(training, rate, out.chosen["heads"]);
  learn_offsets(training, heads, rate);
  for (const auto& [layer, list] : heads_by_layer(heads)) {
    const std::string point = hook_name(Site::z, static_cast<int>(layer));
    out.direction.points.push_back(
        {.name = point, .heads = list, .values = training.shift->offset[layer].clone()});
    out.edits.push_back(
        with_own_values(point, list, Op::add, request.settings.alpha.value_or(1.0)));
  }
  return out;
}

}  // namespace

SteerMethod lofit_method() {
  return {
      .name = "lofit",
      .summary = "Offsets of a few heads, learned by gradients",
      .definition =
          "z ← (1 + A) ⊙ z + v at every token; first all A are trained, v = 0, on the mean of "
          "−log σ(score) + 5e-4 Σ |A|, and the --top (default 3 %) of the largest ‖A‖ kept; "
          "then A = 0 and v of those is trained; Adam, --rate (default 0.01; half of it for A), "
          "--steps passes over the examples (default 5), 8 a step; alpha · v is added. With "
          "--heads, v of those heads is trained and no A: heads of another task are "
          "the control (steer eval --against)",
      .source = "Yin et al. 2024, LoFiT, arXiv:2406.01563 (there: cross-entropy, or DPO)",
      .reads = {"top", "heads", "steps", "rate", "alpha"},
      .fit = fit_lofit};
}

}  // namespace headscope
