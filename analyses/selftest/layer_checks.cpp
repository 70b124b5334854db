#include "analyses/selftest/layer_checks.h"

#include <cmath>

#include "analyses/selftest/kept_values.h"
#include "lib/attention/attention.h"
#include "lib/model/gradients.h"
#include "lib/model/post_norm.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

using LayerCheck = void (*)(const SelfCheckInput&, const KeptValues&, int layer, Deviation&);

Deviation in_every_layer(const SelfCheckInput& input, std::vector<Site> sites, LayerCheck check) {
  const KeptValues kept = kept_values(input, std::move(sites));
  Deviation deviation;
  for (int layer = 0; layer < input.model.config().n_layers; ++layer) {
    check(input, kept, layer, deviation);
  }
  return deviation;
}

// The direction along which the stream is moved: fixed, and of no structure of the model's.
Tensor direction_like(const Tensor& stream) {
  return (at::arange(0, stream.numel(), stream.options()) * 0.7).sin().view(stream.sizes());
}

// The median of the sizes that are not 0: hand-made models leave most of their stream empty. 1 of a
// stream that is 0 all over.
double usual_size(const Tensor& stream) {
  const Tensor sizes = stream.abs();
  const Tensor some = sizes.masked_select(sizes > 0);
  return some.numel() > 0 ? some.median().item<double>() : 1.0;
}

// Of length 1, but for 0.
Tensor unit(const Tensor& vector) {
  const double length = vector.norm().item<double>();
  return length > 0 ? vector / length : vector;
}

// Keeps the stream that enters the middle layer and the gradient there.
class StreamGradient final : public GradientTap {
 public:
  explicit StreamGradient(int layer) : layer_(layer) {}
  [[nodiscard]] bool wants(HookPoint point) const override {
    return point == HookPoint{Site::resid_pre, layer_};
  }
  void visit(const Visit&, const Tensor& value, const Tensor& gradient) override {
    stream = value.clone();
    slope = gradient.clone();
  }
  Tensor stream, slope;

 private:
  int layer_;
};

}  // namespace

std::string needs_f32(const Model& model) {
  return model.dtype() == DType::f32 ? ""
                                     : "a difference of passes is lost in the rounding of 16 bits";
}

std::string needs_softmax(const Model& model) {
  return model.config().normalizer == PatternNormalizer::softmax ? "" : "patterns are no softmax";
}

Deviation pattern_rows_against_one(const SelfCheckInput& input) {
  return in_every_layer(
      input,
      {Site::pattern},
      [](const SelfCheckInput& in, const KeptValues& kept, int layer, Deviation& deviation) {
        const Tensor sums = kept.at(Site::pattern, layer).to(at::kFloat).sum(-1);
        const bool sinks = in.model.attention(layer).sinks.defined();
        const Tensor one = sinks ? sums.clamp_max(1.0)
                                 : at::ones(sums.sizes(), sums.options());  // sinks take a share
        compare(deviation, one, sums, hook_name(Site::pattern, layer));
      });
}

Deviation unseen_keys_against_zero(const SelfCheckInput& input) {
  return in_every_layer(
      input,
      {Site::pattern},
      [](const SelfCheckInput&, const KeptValues& kept, int layer, Deviation& deviation) {
        const Tensor pattern = kept.at(Site::pattern, layer);
        compare(deviation, pattern, pattern.tril(), hook_name(Site::pattern, layer));
      });
}

Deviation pattern_against_z(const SelfCheckInput& input) {
  return in_every_layer(
      input,
      {Site::pattern, Site::v, Site::z},
      [](const SelfCheckInput&, const KeptValues& kept, int layer, Deviation& deviation) {
        compare(deviation,
                apply_pattern(kept.at(Site::pattern, layer), kept.at(Site::v, layer)),
                kept.at(Site::z, layer),
                hook_name(Site::z, layer));
      });
}

Deviation heads_against_output(const SelfCheckInput& input) {
  return in_every_layer(
      input,
      {Site::result, Site::attn_raw_out},
      [](const SelfCheckInput& in, const KeptValues& kept, int layer, Deviation& deviation) {
        const Tensor& bias = in.model.weights().blocks.at(static_cast<std::size_t>(layer)).b_O;
        const Tensor sum = kept.at(Site::result, layer).to(at::kFloat).sum(2);
        compare(deviation,
                bias.defined() ? sum + bias : sum,
                kept.at(Site::attn_raw_out, layer),
                hook_name(Site::attn_raw_out, layer));
      });
}

Deviation parts_against_stream(const SelfCheckInput& input) {
  return in_every_layer(
      input,
      {Site::resid_pre, Site::attn_out, Site::mlp_out, Site::resid_post},
      [](const SelfCheckInput& in, const KeptValues& kept, int layer, Deviation& deviation) {
        const ModelConfig& config = in.model.config();
        Tensor sum = stream_after_attention(
            in.model, layer, kept.at(Site::resid_pre, layer) + kept.at(Site::attn_out, layer));
        if (has_mlp(config)) {
          sum = sum + kept.at(Site::mlp_out, layer);
        }
        compare(
            deviation, sum, kept.at(Site::resid_post, layer), hook_name(Site::resid_post, layer));
        if (layer > 0) {
          compare(deviation,
                  entering_next_block(in.model, layer - 1, kept.at(Site::resid_post, layer - 1)),
                  kept.at(Site::resid_pre, layer),
                  hook_name(Site::resid_pre, layer));
        }
      });
}

// d/dε of the logits' weighted sum along a direction, from the gradient and from two passes that
// start there.
Deviation gradient_against_difference(const SelfCheckInput& input) {
  const Batch batch({input.prompts.front()});
  const int layer = static_cast<int>(input.model.config().n_layers / 2);
  const Objective objective = [](const Tensor& logits) {
    return (logits * direction_like(logits)).sum(-1);
  };
  StreamGradient tap(layer);
  (void)gradients(input.model, batch, objective, tap);
  // The gradient's own direction keeps the slope far from rounding, the other asks all of it.
  const Tensor direction = unit(tap.slope) + unit(direction_like(tap.stream));
  // By the usual number of the stream: one token of 25,000 among others of 10 must not set it.
  const double step =
      1e-3 * usual_size(tap.stream) * std::sqrt(static_cast<double>(tap.stream.numel()));
  const auto moved = [&](double by) {
    const Resume from{
        .layout = batch.layout(), .residual = tap.stream + by * direction, .layer = layer};
    return objective(input.model.resume(from, {.logits = Logits::last}).logits);
  };
  Deviation deviation;
  compare(deviation,
          (tap.slope * direction).sum({1, 2}),
          (moved(step) - moved(-step)) / (2 * step),
          hook_name(Site::resid_pre, layer) + "_grad");
  return deviation;
}

}  // namespace headscope
