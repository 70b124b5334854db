#include "analyses/operators/duo_gates.h"

#include <algorithm>

#include "analyses/training/optimizer.h"
#include "lib/base/error.h"
#include "lib/model/attention_plan.h"
#include "lib/model/pass.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// z of every layer and the stream behind the last norm, of the model as it is.
class TeacherTap final : public Tap {
 public:
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::z || point.site == Site::unembed_in ? Interest::observe
                                                                   : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    (visit.point.site == Site::z ? z.emplace_back() : last) = value;
    return value;
  }

  std::vector<Tensor> z;
  Tensor last;
};

// Mixes the teacher's z into each head's by its gate.
class GateTap final : public Tap {
 public:
  GateTap(const TeacherTap& teacher, const Tensor& gates, std::int64_t group)
      : teacher_(teacher), gates_(gates.repeat_interleave(group, 1)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    if (point.site == Site::z) {
      return Interest::edit;
    }
    return point.site == Site::unembed_in ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    if (visit.point.site == Site::unembed_in) {
      last = value;
      return value;
    }
    const Tensor gate = gates_[visit.point.layer].view({1, 1, -1, 1});
    const Tensor& whole = teacher_.z.at(static_cast<std::size_t>(visit.point.layer));
    return value * (1.0 - gate) + whole * gate;
  }

  Tensor last;

 private:
  const TeacherTap& teacher_;
  Tensor gates_;  // [n_layers, n_heads]
};

Model streaming_everywhere(const Model& model, const KeptKeys& kept) {
  const OperatorChoice choice = operator_choice(
      find_operator("streaming"),
      {{"sink", static_cast<double>(kept.sink)}, {"local", static_cast<double>(kept.local)}});
  const HeadGrid grid{model.config().n_layers, model.config().n_heads};
  const std::vector<AttentionPlan::Part> parts{{choice, grid.heads()}};
  return with_attention(model, std::make_shared<AttentionPlan>(parts, model.config()));
}

// The stream behind the last norm, with autograd through the gates.
Tensor gated_stream(const Model& student, const Batch& batch, GateTap& tap) {
  Pass pass(student, batch.layout(), tap, nullptr);
  Tensor resid = run_embed(pass, batch.tokens().to(pass.device));
  for (std::int64_t layer = 0; layer < student.config().n_layers; ++layer) {
    resid = run_block(pass, static_cast<int>(layer), resid);
  }
  run_unembed(pass, resid, {.logits = Logits::none});
  return tap.last;
}

double rate_factor(std::int64_t step, std::int64_t steps) {
  const double fifth = std::max(1.0, static_cast<double>(steps) / 5.0);
  const double rising = std::max((static_cast<double>(step) + 1.0) / fifth, 0.1);
  const double falling = std::max(static_cast<double>(steps - step) / fifth, 0.1);
  return std::min({1.0, rising, falling});
}

void check_gated(const Model& model) {
  if (model.standing() != nullptr || model.attention_plan() != nullptr) {
    throw UsageError("gates are trained of a model as it is, without interventions or a plan");
  }
  if (model.dtype() != DType::f32) {
    throw UsageError("gates are trained in f32; leave out --dtype");
  }
}

}  // namespace

GateLoss gate_loss(const Model& model,
                   const PasskeyText& text,
                   const Tensor& gates,
                   const GateOptions& options) {
  check_gated(model);
  const Batch batch({text.tokens});
  batch.check(model.config(), 0);
  TeacherTap teacher;
  model.forward(batch, teacher, {.logits = Logits::none});
  const Model student = streaming_everywhere(model, options.streaming);
  const Tensor leaf = gradient_root(gates);
  std::vector<std::int64_t> predicting;
  for (const std::int64_t answer : text.answers) {
    predicting.push_back(answer - 1);
  }
  GateLoss loss;
  const Tensor value = with_gradients([&] {
    GateTap tap(teacher, leaf, model.config().heads_per_kv());
    const Tensor stream = gated_stream(student, batch, tap);
    const Tensor rows = index_tensor(predicting, stream.device());
    const Tensor wrong = (stream - teacher.last).index_select(1, rows);
    const Tensor distill = (wrong * wrong).mean();
    loss.distill = distill.item<double>();
    return distill + options.weight * leaf.abs().mean();
  });
  loss.mean_gate = gates.mean().item<double>();
  loss.gradient = vector_jacobian_product(value, {leaf}, at::ones({}, value.options())).front();
  return loss;
}

HeadScores train_gates(const Model& model,
                       const std::string& haystack,
                       const GateOptions& options,
                       const std::function<void(const GateStep&)>& each) {
  check_gated(model);
  const HeadGrid grid{model.config().n_layers, model.config().n_kv_heads};
  Random random(options.seed, "passkeys");
  Tensor gates = at::ones({grid.n_layers, grid.n_heads},
                          at::TensorOptions().dtype(at::kFloat).device(to_torch(model.device())));
  Optimizer optimizer({.kind = OptimizerKind::adamw, .rate = options.rate}, {gates});
  for (std::int64_t step = 0; step < options.steps; ++step) {
    gates = gates.clamp(0.0, 1.0);
    const PasskeyText text = passkey_text(model.tokenizer(), haystack, options.texts, random);
    const GateLoss loss = gate_loss(model, text, gates, options);
    if (each) {
      each({.step = step,
            .tokens = std::ssize(text.tokens),
            .distill = loss.distill,
            .mean_gate = loss.mean_gate});
    }
    gates = optimizer.step({gates}, {loss.gradient}, rate_factor(step, options.steps)).front();
  }
  const std::vector<float> values = to_floats(gates.clamp(0.0, 1.0));
  return {grid, std::vector<double>(values.begin(), values.end())};
}

std::string gates_tsv(const HeadScores& gates) {
  std::string text;
  for (const HeadId& head : gates.heads()) {
    const bool last = head.head + 1 == gates.grid.n_heads;
    text += fmt::format("{:.18e}{}", gates[head], last ? '\n' : '\t');
  }
  return text;
}

}  // namespace headscope
