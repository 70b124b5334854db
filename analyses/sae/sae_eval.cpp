#include "analyses/sae/sae_eval.h"

#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>

#include "hooks/address.h"
#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/model/require_causal.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

double number(const Tensor& tensor) {
  return tensor.to(at::kDouble).sum().item<double>();
}

// The one hook point that an SAE's file names. UsageError if it is not one the model has.
HookPoint sae_point(const std::string& hook, const ModelConfig& config) {
  if (hook.empty()) {
    throw UsageError("the SAE's file names no hook point; give --site");
  }
  const std::vector<HookPoint> points = resolve_hooks(hook, config);
  if (points.size() != 1) {
    throw UsageError("{}: {} hook points; an SAE is of one", hook, points.size());
  }
  return points.front();
}

void check_width(const HookPoint& point,
                 const ModelConfig& config,
                 std::int64_t width,
                 const char* which) {
  const std::vector<Axis>& axes = info(point.site).axes;
  std::int64_t own = 1;
  for (std::size_t i = 2; i < axes.size(); ++i) {
    own *= axis_size(axes[i], config).value_or(0);
  }
  if (own != width) {
    throw UsageError(
        "{} is {} wide in this model but the SAE's {} is {}; give the model and the site it "
        "was trained on",
        hook_name(point.site, point.layer),
        own,
        which,
        width);
  }
}

}  // namespace

HookPoint point_of_sae(const Sae& sae, const ModelConfig& config) {
  const HookPoint point = sae_point(sae.config().hook, config);
  check_width(point, config, sae.config().d_in, "d_in");
  return point;
}

namespace {

enum class SpliceWith { nothing, zeros, reconstruction };

// Measures the rows it sees, or puts zeros or x̂ in their place.
class SaeTap final : public Tap {
 public:
  SaeTap(const Sae& sae,
         const ModelConfig& config,
         SpliceWith with,
         std::int64_t first,
         SaeMeasure* measure)
      : sae_(sae),
        in_(sae_point(sae.config().hook, config)),
        out_(sae.config().is_transcoder() ? sae_point(sae.config().hook_out, config) : in_),
        with_(with),
        first_(first),
        measure_(measure) {
    check_width(in_, config, sae.config().d_in, "d_in");
    check_width(out_, config, sae.config().d_out, "d_out");
  }

  [[nodiscard]] Interest wants(HookPoint point) const override {
    if (point == out_) {
      return with_ == SpliceWith::nothing ? Interest::observe : Interest::edit;
    }
    return point == in_ ? Interest::observe : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    if (visit.point == in_) {
      x_ = value;
    }
    if (visit.point != out_) {
      return value;
    }
    const Tensor seen = rows(value);
    if (measure_ != nullptr) {
      measure_->add(rows(x_), seen);
    }
    if (with_ == SpliceWith::nothing) {
      return value;
    }
    const Tensor there =
        with_ == SpliceWith::zeros ? at::zeros_like(seen) : sae_.reconstruct(rows(x_));
    Tensor changed = value.clone();
    Tensor place = changed.narrow(1, first_, value.size(1) - first_);
    place.copy_(there.reshape(place.sizes()));
    return changed;
  }

 private:
  // [batch · positions, width], without the positions that are left alone.
  [[nodiscard]] Tensor rows(const Tensor& value) const {
    const Tensor own = value.narrow(1, first_, value.size(1) - first_);
    return own.reshape({own.size(0) * own.size(1), -1});
  }

  const Sae& sae_;
  HookPoint in_;
  HookPoint out_;
  SpliceWith with_;
  std::int64_t first_;
  SaeMeasure* measure_;
  Tensor x_;
};

struct Predictions {
  Tensor log_probs;  // [B, T, V]
  double surprise = 0.0;
};

Predictions next_token_predictions(const Model& model, const Batch& batch, SaeTap&& tap) {
  const Tensor logits = model.forward(batch, tap, {.logits = Logits::all}).logits;
  Predictions own{.log_probs = at::log_softmax(logits, -1), .surprise = 0.0};
  const std::int64_t predicted = logits.size(1) - 1;
  const Tensor next = batch.tokens().narrow(1, 1, predicted).to(logits.device()).unsqueeze(-1);
  own.surprise = -number(at::gather(own.log_probs.narrow(1, 0, predicted), 2, next));
  return own;
}

double divergence(const Predictions& clean, const Predictions& changed) {
  return number((clean.log_probs.exp() * (clean.log_probs - changed.log_probs)).sum(-1));
}

void add_batch(const Sae& sae,
               const Model& model,
               const Batch& batch,
               std::int64_t first,
               SaeMeasure& measure,
               SaeSplice& sums) {
  const auto tap = [&](SpliceWith with, SaeMeasure* into) {
    return SaeTap(sae, model.config(), with, first, into);
  };
  const Predictions clean =
      next_token_predictions(model, batch, tap(SpliceWith::nothing, &measure));
  sums.ce_clean += clean.surprise;
  {
    const Predictions zero = next_token_predictions(model, batch, tap(SpliceWith::zeros, nullptr));
    sums.ce_zero += zero.surprise;
    sums.kl_zero += divergence(clean, zero);
  }
  const Predictions replaced =
      next_token_predictions(model, batch, tap(SpliceWith::reconstruction, nullptr));
  sums.ce_sae += replaced.surprise;
  sums.kl_sae += divergence(clean, replaced);
}

}  // namespace

SaeMeasure::SaeMeasure(const Sae& sae) : sae_(sae) {
  const auto on = sae.weights().b_dec.options();
  sum_ = at::zeros({sae.config().d_out}, on.dtype(at::kDouble));
  fired_ = at::zeros({sae.config().d_sae}, on.dtype(at::kBool));
}

void SaeMeasure::add(const Tensor& x, const Tensor& target) {
  if (x.size(0) == 0) {
    return;
  }
  const SaeCodes codes = sae_.encode(x);
  const Tensor active = (codes.values != 0).to(at::kFloat);
  codes_ += number(active);
  fired_ = fired_.logical_or(codes.support.feature_sum(active) > 0);
  const Tensor y = target.to(at::kDouble);
  error_ += number((sae_.reconstruct(x).to(at::kDouble) - y).square());
  if (!origin_.defined()) {
    origin_ = y.select(0, 0).clone();
  }
  const Tensor moved = y - origin_;
  sum_ = sum_ + moved.sum(0);
  squares_ += number(moved.square());
  rows_ += x.size(0);
}

SaeReconstruction SaeMeasure::result() const {
  SaeReconstruction result;
  result.rows = rows_;
  if (rows_ == 0) {
    return result;
  }
  const double n = static_cast<double>(rows_);
  const double variance = squares_ - number(sum_.square()) / n;
  result.l0 = codes_ / n;
  result.fvu = error_ / variance;
  result.explained_variance = 1.0 - result.fvu;
  result.dead = sae_.config().d_sae - fired_.sum().item<std::int64_t>();
  return result;
}

SaeEvaluation evaluate_sae(const Sae& sae,
                           const Model& model,
                           const std::vector<Prompt>& prompts,
                           const SaeEvalOptions& options) {
  require_causal(model.config(), "the loss of a spliced autoencoder");
  SaeMeasure measure(sae);
  SaeSplice sums;
  double positions = 0.0;
  std::int64_t done = 0;
  for (const auto& batch : plan_batches(
           lengths_of(prompts), {.most_tokens = options.batch_tokens, .padding = Padding::none})) {
    std::vector<std::vector<std::int32_t>> ids;
    for (const std::size_t prompt : batch) {
      ids.push_back(prompts[prompt].tokens);
    }
    const auto length = static_cast<std::int64_t>(ids.front().size());
    done += std::ssize(batch);
    if (length > options.first_position && length > 1) {
      add_batch(sae, model, Batch(ids), options.first_position, measure, sums);
      sums.predicted += std::ssize(ids) * (length - 1);
      positions += static_cast<double>(std::ssize(ids) * length);
    }
    if (options.progress) {
      options.progress(done, std::ssize(prompts));
    }
  }
  if (sums.predicted == 0) {
    throw UsageError("no prompt has a token behind position {}; give longer ones",
                     options.first_position);
  }
  for (double* ce : {&sums.ce_clean, &sums.ce_zero, &sums.ce_sae}) {
    *ce /= static_cast<double>(sums.predicted);
  }
  sums.kl_zero /= positions;
  sums.kl_sae /= positions;
  sums.loss_recovered = (sums.ce_zero - sums.ce_sae) / (sums.ce_zero - sums.ce_clean);
  sums.kl_recovered = (sums.kl_zero - sums.kl_sae) / sums.kl_zero;
  return {measure.result(), sums};
}

}  // namespace headscope
