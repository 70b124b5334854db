#include "analyses/sae/sae_trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/nonzero.h>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kThresholdRate = 0.01;    // of batchtopk's running mean, as SAELens
constexpr double kResampledEncoder = 0.2;  // of the living rows' mean norm (Bricken et al. 2023)

Tensor norms_of_rows(const Tensor& rows) {
  return at::linalg_vector_norm(rows, 2, at::IntArrayRef{1}, true);
}

Tensor random_directions(std::int64_t rows, std::int64_t width, std::uint64_t seed) {
  Random random(seed, "sae directions");
  Tensor drawn = at::empty({rows, width}, at::kFloat);
  float* value = drawn.data_ptr<float>();
  for (std::int64_t i = 0; i < drawn.numel(); ++i) {
    value[i] = static_cast<float>(random.next() >> 40) * 0x1p-23f - 1.0f;
  }
  return drawn / norms_of_rows(drawn);
}

SaeParameters zeros_as(SaeParameters like) {
  for (const auto& [name, tensor] : like.all()) {
    *tensor = at::zeros_like(*tensor);
  }
  return like;
}

}  // namespace

SaeTrainer::SaeTrainer(const SaeTrainOptions& options, std::int64_t d_in, const at::Device& device)
    : options_(options) {
  const auto on = at::TensorOptions(at::kFloat).device(device);
  const std::int64_t features = options.d_sae;
  weights_.W_dec = random_directions(features, d_in, options.seed).to(device);
  weights_.W_enc_t = weights_.W_dec.clone();
  weights_.b_enc = at::zeros({features}, on);
  weights_.b_dec = at::zeros({d_in}, on);
  if (options.arch == SaeArch::jumprelu) {
    weights_.threshold = at::full({features}, options.threshold, on);
  }
  if (options.arch == SaeArch::gated) {
    weights_.b_mag = at::zeros({features}, on);
    weights_.r_mag = at::zeros({features}, on);
  }
  first_ = zeros_as(weights_);
  second_ = zeros_as(weights_);
  since_fired_ = at::zeros({features}, on);
  fired_ = at::zeros({features}, on);
  tokens_ = at::zeros({}, at::kDouble);
  threshold_ = at::zeros({}, on);
  scale_ = at::ones({}, on);
}

void SaeTrainer::begin(const Tensor& x) {
  if (options_.normalisation == SaeNormalisation::expected_average_only_in) {
    scale_ = std::sqrt(static_cast<double>(x.size(1))) / norms_of_rows(x).mean();
  }
  weights_.b_dec = input(x).mean(0);
}

Tensor SaeTrainer::input(const Tensor& x) const {
  return options_.normalisation == SaeNormalisation::expected_average_only_in
             ? x * scale_
             : normalised_rows(x, options_.normalisation).x;
}

double SaeTrainer::lr_now() const {
  double factor = 1.0;
  if (steps_ < options_.lr_warmup) {
    factor = static_cast<double>(steps_ + 1) / static_cast<double>(options_.lr_warmup);
  }
  const std::int64_t left = options_.steps - steps_;
  if (left <= options_.lr_decay) {
    factor *= static_cast<double>(left) / static_cast<double>(options_.lr_decay + 1);
  }
  return options_.lr * factor;
}

double SaeTrainer::sparsity_now() const {
  return steps_ < options_.sparsity_warmup ? options_.sparsity * static_cast<double>(steps_ + 1) /
                                                 static_cast<double>(options_.sparsity_warmup)
                                           : options_.sparsity;
}

Tensor SaeTrainer::dead_features() const {
  return at::nonzero(since_fired_ >= static_cast<double>(options_.dead_after)).squeeze(1);
}

SaeTrainState SaeTrainer::step(const Tensor& batch, Measure measure) {
  const Tensor raw = batch.to(weights_.W_dec.device(), at::kFloat);
  if (steps_ == 0) {
    begin(raw);
  }
  const Tensor x = input(raw);
  const Tensor dead = dead_features();
  const bool helps_dead = options_.arch == SaeArch::topk || options_.arch == SaeArch::batchtopk;
  SaeStep now =
      sae_step(weights_,
               options_,
               {.weight = sparsity_now(), .dead = helps_dead && dead.numel() > 0 ? dead : Tensor()},
               x);
  SaeTrainState state;
  if (measure == Measure::state) {
    state.squared_error = now.squared_error.item<double>();
    state.penalty = now.penalty.item<double>();
    state.auxiliary = now.auxiliary.item<double>();
    state.loss = state.squared_error + state.penalty + state.auxiliary;
    if (!std::isfinite(state.loss)) {
      throw DataError("step {}: the loss is {}; a smaller --lr, or activations without NaN",
                      steps_ + 1,
                      state.loss);
    }
    const double rows = static_cast<double>(x.size(0));
    state.l0 = now.codes.item<double>() / rows;
    state.fvu = state.squared_error * rows / (x - x.mean(0)).square().sum().item<double>();
    state.dead = dead.numel();
    state.lr = lr_now();
  }
  adam(now.gradient);
  note_fired(now, x.size(0));
  ++steps_;
  const std::int64_t every = options_.resample_every;
  if (!helps_dead && every > 0 && steps_ % every == 0 && steps_ + every <= options_.steps) {
    resample(x, now.row_error);
  }
  state.step = steps_;
  return state;
}

void SaeTrainer::adam(SaeParameters& gradient) {
  const bool unit = options_.decoder_norm == DecoderNorm::unit;
  if (unit) {
    const Tensor along = (gradient.W_dec * weights_.W_dec).sum(1, true);
    gradient.W_dec = gradient.W_dec - along * weights_.W_dec;
  }
  std::vector<Tensor> values, gradients, first, second, counts;
  const auto w = weights_.all();
  const auto g = gradient.all();
  const auto m = first_.all();
  const auto v = second_.all();
  if (w.size() != g.size()) {
    throw InternalError("{} parameters with {} gradients", w.size(), g.size());
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    values.push_back(*w[i].second);
    gradients.push_back(g[i].second->contiguous());
    first.push_back(*m[i].second);
    second.push_back(*v[i].second);
    counts.push_back(at::full({}, static_cast<double>(steps_ + 1), values.back().options()));
  }
  at::_fused_adam_(values,
                   gradients,
                   first,
                   second,
                   {},
                   counts,
                   lr_now(),
                   options_.beta1,
                   options_.beta2,
                   /*weight_decay=*/0.0,
                   options_.eps,
                   /*amsgrad=*/false,
                   /*maximize=*/false);
  if (unit) {
    weights_.W_dec.div_(norms_of_rows(weights_.W_dec).clamp_min_(1e-12));
  }
  if (weights_.threshold.defined()) {
    weights_.threshold.clamp_min_(0.0);  // below 0 the gate would let negative codes through
  }
}

void SaeTrainer::note_fired(const SaeStep& step, std::int64_t rows) {
  since_fired_ = at::where(step.fired > 0,
                           at::zeros({}, since_fired_.options()),
                           (since_fired_ + static_cast<double>(rows))
                               .clamp_max(static_cast<double>(options_.dead_after)));
  fired_ = fired_ + step.fired;
  tokens_ = tokens_ + static_cast<double>(rows);
  if (step.lowest.defined()) {
    const Tensor next = threshold_ * (1.0 - kThresholdRate) + step.lowest * kThresholdRate;
    threshold_ = at::where(at::isfinite(step.lowest), steps_ == 0 ? step.lowest : next, threshold_);
  }
}

// Dead features start again at inputs that are badly reconstructed, drawn by their squared loss.
void SaeTrainer::resample(const Tensor& x, const Tensor& row_error) {
  const Tensor dead = dead_features();
  if (dead.numel() == 0 || dead.numel() == options_.d_sae) {
    return;
  }
  const Tensor sums = row_error.to(at::kCPU, at::kDouble).square().cumsum(0).contiguous();
  const double* sum = sums.const_data_ptr<double>();
  const double total = sum[sums.numel() - 1];
  Random random(options_.seed, "resample " + std::to_string(steps_));
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < dead.numel(); ++i) {
    const double at = static_cast<double>(random.next() >> 11) * 0x1p-53 * total;
    rows.push_back(std::min(std::upper_bound(sum, sum + sums.numel(), at) - sum, sums.numel() - 1));
  }
  const Tensor chosen = x.index_select(0, index_tensor(rows, x.device())) - weights_.b_dec;
  const Tensor directions = chosen / norms_of_rows(chosen).clamp_min(1e-12);
  const Tensor alive = since_fired_ < static_cast<double>(options_.dead_after);
  const Tensor living = weights_.W_enc_t.index_select(0, at::nonzero(alive).squeeze(1));
  const Tensor size = norms_of_rows(living).mean() * kResampledEncoder;
  weights_.W_dec.index_copy_(0, dead, directions);
  weights_.W_enc_t.index_copy_(0, dead, directions * size);
  const Tensor none = at::zeros({dead.numel()}, x.options());
  weights_.b_enc.index_copy_(0, dead, none);
  if (weights_.b_mag.defined()) {
    weights_.b_mag.index_copy_(0, dead, none);
    weights_.r_mag.index_copy_(0, dead, none);
  }
  if (weights_.threshold.defined()) {
    weights_.threshold.index_copy_(0, dead, none + options_.threshold);
  }
  for (SaeParameters* moments : {&first_, &second_}) {
    for (const auto& [name, tensor] : moments->all()) {
      if (name != "b_dec") {
        tensor->index_fill_(0, dead, 0.0);
      }
    }
  }
  since_fired_.index_fill_(0, dead, 0.0);
}

Sae SaeTrainer::finished(SaeConfig config) const {
  config.arch = options_.arch;
  config.d_in = weights_.b_dec.numel();
  config.d_out = config.d_in;
  config.d_sae = options_.d_sae;
  config.k = options_.arch == SaeArch::topk || options_.arch == SaeArch::batchtopk ? options_.k : 0;
  config.normalisation = options_.normalisation;
  config.apply_b_dec_to_input = true;
  SaeWeights out{.W_enc = weights_.W_enc_t.t().contiguous(),
                 .W_dec = weights_.W_dec.clone(),
                 .b_enc = weights_.b_enc.clone(),
                 .b_dec = weights_.b_dec.clone(),
                 .threshold = {},
                 .b_gate = {},
                 .b_mag = {},
                 .r_mag = {},
                 .W_skip = {}};
  if (options_.arch == SaeArch::jumprelu) {
    out.threshold = weights_.threshold.clone();
  }
  if (options_.arch == SaeArch::batchtopk) {
    out.threshold = threshold_.expand({options_.d_sae}).contiguous();
  }
  if (options_.arch == SaeArch::gated) {
    out.b_gate = std::exchange(out.b_enc, {});
    out.b_mag = weights_.b_mag.clone();
    out.r_mag = weights_.r_mag.clone();
  }
  if (options_.normalisation == SaeNormalisation::expected_average_only_in) {
    out.W_enc = out.W_enc * scale_;
    out.W_dec = out.W_dec / scale_;
    out.b_dec = out.b_dec / scale_;
    config.normalisation = SaeNormalisation::none;
  }
  return Sae(std::move(config), out, "training").to(at::kCPU, at::kFloat);
}

std::vector<float> SaeTrainer::log_sparsity() const {
  return to_floats((fired_ / tokens_.item<double>() + 1e-10).log10());
}

SaeTrainer::Named SaeTrainer::stored() {
  Named named;
  const std::pair<std::string, SaeParameters*> groups[] = {
      {"", &weights_}, {"first.", &first_}, {"second.", &second_}};
  for (const auto& [group, parameters] : groups) {
    for (const auto& [name, tensor] : parameters->all()) {
      named.emplace_back(group + std::string(name), tensor);
    }
  }
  named.emplace_back("since_fired", &since_fired_);
  named.emplace_back("fired", &fired_);
  named.emplace_back("topk_threshold", &threshold_);
  named.emplace_back("scale", &scale_);
  return named;
}

std::vector<NamedArray> SaeTrainer::state(const std::string& prefix) const {
  std::vector<NamedArray> arrays;
  for (const auto& [name, tensor] : const_cast<SaeTrainer*>(this)->stored()) {
    arrays.push_back({prefix + name, tensor->sizes().vec(), to_floats(*tensor)});
  }
  const double tokens = tokens_.item<double>();  // in two parts: f32 counts to 2^24 alone
  const double high = std::floor(tokens / 0x1p20);
  arrays.push_back({prefix + "counts",
                    {3},
                    {static_cast<float>(steps_),
                     static_cast<float>(high),
                     static_cast<float>(tokens - high * 0x1p20)}});
  return arrays;
}

void SaeTrainer::restore(const StoredSaeTensors& tensors,
                         const std::string& prefix,
                         const std::string& where) {
  const auto find = [&](const std::string& name, at::IntArrayRef shape) {
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end() || found->second.sizes() != shape) {
      throw DataError("{}: no {} of this run; start again with --overwrite", where, prefix + name);
    }
    return found->second;
  };
  for (const auto& [name, tensor] : stored()) {
    *tensor = find(name, tensor->sizes()).to(tensor->device()).clone();
  }
  const std::vector<float> counts = to_floats(find("counts", {3}));
  steps_ = static_cast<std::int64_t>(counts[0]);
  tokens_ = at::full(
      {}, static_cast<double>(counts[1]) * 0x1p20 + static_cast<double>(counts[2]), at::kDouble);
}

}  // namespace headscope
