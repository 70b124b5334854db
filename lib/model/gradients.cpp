#include "lib/model/gradients.h"

#include <algorithm>
#include <memory>

#include "lib/base/error.h"
#include "lib/model/pass.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Puts the points whose gradient is wanted into the computation, whatever path the forward pass
// would have taken without them, and keeps them until it has run backwards.
class VjpTap final : public Tap {
 public:
  explicit VjpTap(GradientTap& tap) : tap_(tap) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return tap_.wants(point) ? Interest::edit : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    // A node of its own: two points may show one tensor (hook_resid_mid and hook_mlp_in), of which
    // each has its own gradient.
    const Tensor leaf = value.requires_grad() ? value.view_as(value) : gradient_root(value);
    points_.push_back(visit.point);
    values_.push_back(leaf);
    return leaf;
  }

  // Shows what was kept, and lets go of it. Returns ∂/∂`root`, if that is defined.
  Tensor vector_jacobian_product(const Pass& pass,
                                 const Tensor& root,
                                 const Tensor& output,
                                 const Tensor& gradient) {
    std::vector<Tensor> inputs = values_;
    if (root.defined()) {
      inputs.push_back(root);
    }
    if (inputs.empty()) {
      return {};
    }
    const std::vector<Tensor> found = headscope::vector_jacobian_product(output, inputs, gradient);
    for (std::size_t i = 0; i < points_.size(); ++i) {
      tap_.visit({points_[i], pass.layout, pass.config}, values_[i].detach(), found[i]);
    }
    points_.clear();
    values_.clear();
    return found.back();
  }

 private:
  GradientTap& tap_;
  std::vector<HookPoint> points_;
  std::vector<Tensor> values_;
};

// Keeps the streams entering layers as they are before a standing change of hook_resid_pre: the
// layer that runs again from one makes the change itself.
class StreamRecorder final : public Tap {
 public:
  explicit StreamRecorder(const Model& model)
      : change_(model.standing() ? model.standing()->tap() : std::make_unique<NoTap>()) {}

  void begin(const ModelConfig& config) override { change_->begin(config); }
  void end() override { change_->end(); }
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return std::max(change_->wants(point),
                    point.site == Site::resid_pre ? Interest::observe : Interest::none);
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    if (visit.point.site == Site::resid_pre) {
      streams.push_back(value);
    }
    return change_->wants(visit.point) == Interest::none ? value : change_->visit(visit, value);
  }
  [[nodiscard]] bool wants_attention(int layer) const override {
    return change_->wants_attention(layer);
  }
  void visit_attention(const Visit& visit, const AttentionInputs& in) override {
    change_->visit_attention(visit, in);
  }
  [[nodiscard]] bool changes_scores_fused(int layer) const override {
    return change_->changes_scores_fused(layer);
  }
  void change_scores(const Visit& visit, AttentionInputs& in) override {
    change_->change_scores(visit, in);
  }
  std::vector<Tensor> streams;

 private:
  std::unique_ptr<Tap> change_;
};

// What the layers run again with: `vjp_tap`, behind a standing change of the model.
std::unique_ptr<Tap> tap_of_layers(const Model& model, VjpTap& vjp_tap) {
  if (!model.standing()) {
    return nullptr;
  }
  auto both = std::make_unique<StandingTap>(*model.standing(), vjp_tap);
  both->begin(model.config());
  return both;
}

// Runs one pass backwards.
class Backwards {
 public:
  // `streams` as of residual_streams() from `first_layer` on.
  Backwards(Pass& pass, VjpTap& vjp_tap, std::vector<Tensor> streams, std::int64_t first_layer)
      : pass_(pass), vjp_tap_(vjp_tap), streams_(std::move(streams)), first_layer_(first_layer) {}

  GradientResult run(const Objective& objective, const ForwardOptions& options) {
    GradientResult result = head(objective, options);
    for (std::int64_t layer = pass_.config.n_layers - 1; layer >= first_layer_; --layer) {
      block(layer);
    }
    return result;
  }

  [[nodiscard]] const Tensor& gradient() const { return gradient_; }

 private:
  GradientResult head(const Objective& objective, const ForwardOptions& options) {
    const Tensor root = gradient_root(streams_.back());
    GradientResult result;
    result.objective = with_gradients([&] {
      const Tensor logits = run_unembed(pass_, root, options);
      result.logits = logits.detach();
      return objective(logits);
    });
    if (result.objective.dim() != 1 || result.objective.size(0) != pass_.layout.rows) {
      throw UsageError("an objective gives one number a row");
    }
    if (!result.objective.requires_grad()) {
      throw UsageError("the objective does not depend on the logits in a way that has a gradient");
    }
    gradient_ = vjp_tap_.vector_jacobian_product(
        pass_,
        root,
        result.objective,
        at::ones(result.objective.sizes(), result.objective.options()));
    result.objective = result.objective.detach();
    return result;
  }

  void block(std::int64_t layer) {
    const auto place = static_cast<std::size_t>(layer - first_layer_);
    const Tensor root = gradient_root(streams_[place]);
    const Tensor out =
        with_gradients([&] { return run_block(pass_, static_cast<int>(layer), root); });
    // The layer behind this one may lie on another device.
    gradient_ = vjp_tap_.vector_jacobian_product(pass_, root, out, gradient_.to(out.device()));
    streams_[place + 1] = Tensor();
  }

  Pass& pass_;
  VjpTap& vjp_tap_;
  std::vector<Tensor> streams_;
  std::int64_t first_layer_;
  Tensor gradient_;  // with respect to the stream entering the layer done last
};

// Numbers of tokens and experts have none.
void refuse_numbers(const ModelConfig& config, const GradientTap& tap) {
  std::vector<HookPoint> numbers{{Site::tokens}};
  for (int layer = 0; config.experts.count > 0 && layer < config.n_layers; ++layer) {
    numbers.push_back({Site::mlp_expert_indices, layer});
  }
  for (const HookPoint point : numbers) {
    if (tap.wants(point)) {
      throw UsageError("{}: its values are numbers of things, which have no gradient",
                       gradient_name(point));
    }
  }
}

}  // namespace

std::string gradient_name(HookPoint point) {
  return hook_name(point.site, point.layer) + "_grad";
}

std::vector<Tensor> residual_streams(const Model& model, const Resume& from) {
  if (from.at != Resume::At::layer) {
    throw UsageError("the streams entering layers start at one, not at its hook_resid_mid");
  }
  StreamRecorder recorder(model);
  const ForwardResult result = model.with(nullptr).resume(from, recorder, {.logits = Logits::none});
  recorder.streams.push_back(result.residual);
  return recorder.streams;
}

GradientResult gradients(const Model& model,
                         const Resume& from,
                         const Objective& objective,
                         GradientTap& tap,
                         const std::vector<std::int64_t>& vocab) {
  refuse_numbers(model.config(), tap);
  VjpTap vjp_tap(tap);
  const std::unique_ptr<Tap> changed = tap_of_layers(model, vjp_tap);
  Tap& tap_of_pass = changed ? *changed : vjp_tap;
  Pass pass(model, from.layout, tap_of_pass, nullptr);
  return Backwards(pass, vjp_tap, residual_streams(model, from), from.layer)
      .run(objective, {.logits = Logits::last, .vocab = vocab});
}

GradientResult gradients(const Model& model,
                         const Batch& batch,
                         const Objective& objective,
                         GradientTap& tap,
                         const std::vector<std::int64_t>& vocab,
                         Logits logits) {
  refuse_numbers(model.config(), tap);
  const ForwardOptions start{.logits = Logits::none, .to_layer = 0};
  const Resume from{batch.layout(), model.forward(batch, start).residual};
  VjpTap vjp_tap(tap);
  const std::unique_ptr<Tap> changed = tap_of_layers(model, vjp_tap);
  Tap& tap_of_pass = changed ? *changed : vjp_tap;
  Pass pass(model, from.layout, tap_of_pass, nullptr);
  Backwards backwards(pass, vjp_tap, residual_streams(model, from), 0);
  const GradientResult result = backwards.run(objective, {.logits = logits, .vocab = vocab});
  const Tensor embedded =
      with_gradients([&] { return run_embed(pass, batch.tokens().to(pass.device)); });
  vjp_tap.vector_jacobian_product(pass, {}, embedded, backwards.gradient());
  return result;
}

}  // namespace headscope
