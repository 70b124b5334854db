#include <numeric>
#include <optional>

#include "analyses/metric/summary.h"
#include "analyses/steering/applied.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/last_token.h"
#include "analyses/steering/methods.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kFunctionHeads = 10;

// Zero-shot or shuffled prompts in place of those that show the function.
SteerData corrupted_prompts(const SteerData& data) {
  SteerData out = data;
  for (SteerItem& item : out.items) {
    if (!item.corrupted) {
      throw UsageError(
          "{}: function-vector needs a task, whose clean prompts show the function and whose "
          "corrupted ones do not",
          data.path);
    }
    item.prompt = *item.corrupted;
  }
  return out;
}

// Mean z of every head at the last token of the prompts: a layer [n_heads, d_head] f32 each.
std::vector<Tensor> mean_outputs(const Model& model, const SteerData& data) {
  const std::vector<HookPoint> points = head_outputs_of(model);
  std::vector<std::vector<std::int32_t>> prompts;
  for (const SteerItem& item : data.items) {
    prompts.push_back(item.prompt.tokens);
  }
  const auto values = last_token_values(model, prompts, points);
  std::vector<Tensor> means;
  for (const HookPoint point : points) {
    means.push_back(
        values.at(hook_name(point.site, point.layer)).to(at::kDouble).mean(0).to(at::kFloat));
  }
  return means;
}

// The head's mean z in place of its z at the last token.
TapMaker with_mean(const Model& model, const std::vector<Tensor>& means, const HeadId& head) {
  Intervention edit{.site = hook_name(Site::z, static_cast<int>(head.layer)), .op = Op::replace};
  edit.where.heads = {{head.head}};
  edit.where.positions = {{-1}};
  edit.values.name = "mean";
  return taps_of(model, {edit}, {{"mean", means[static_cast<std::size_t>(head.layer)]}});
}

Tensor function_vector(const Model& model,
                       const std::vector<Tensor>& means,
                       const std::vector<HeadId>& heads) {
  Tensor sum = at::zeros({model.config().d_model}, at::kFloat);
  for (const HeadId& head : heads) {
    const Tensor z = means[static_cast<std::size_t>(head.layer)][head.head];
    const Tensor out = model.W_O(head.layer)[head.head].to(at::kCPU, at::kFloat);
    sum = sum + z.matmul(out);
  }
  return sum;
}

Steering added_at(const SteerRequest& request, const Tensor& vector, std::int64_t layer) {
  const std::string point = hook_name(Site::resid_post, static_cast<int>(layer));
  Steering out{.direction = direction_of(request.model, "function-vector", Op::add), .edits = {}};
  out.direction.points = {{.name = point, .heads = {}, .values = vector}};
  out.edits = {with_own_values(point, {}, Op::add, request.settings.alpha.value_or(1.0))};
  out.edits[0].where.positions = {{-1}};
  out.chosen["point"] = point;
  return out;
}

// Where the vector raises the score of prompts without demonstrations most.
Steering best_layer(const SteerRequest& request, const Contrast& contrast, const Tensor& vector) {
  std::vector<std::int64_t> layers = request.settings.layers.value_or(std::vector<std::int64_t>{});
  if (layers.empty()) {
    layers.resize(static_cast<std::size_t>(request.model.config().n_layers));
    std::iota(layers.begin(), layers.end(), 0);
  }
  std::optional<Steering> best;
  double most = 0.0;
  for (const std::int64_t layer : layers) {
    if (layer < 0 || layer >= request.model.config().n_layers) {
      throw UsageError("--layers {}: the model has {}", layer, request.model.config().n_layers);
    }
    Steering here = added_at(request, vector, layer);
    const double score =
        mean_of(contrast.scores(request.model, taps_of(request.model, here.direction, here.edits)));
    if (!best || score > most) {
      best = std::move(here);
      most = score;
    }
  }
  return *best;
}

Steering fit_function_vector(const SteerRequest& request) {
  const Model& model = request.model;
  if (has_post_norm(model.config())) {
    throw UsageError(
        "function-vector: this model normalises what attention writes, so heads have no fixed "
        "part in it");
  }
  const SteerData without = corrupted_prompts(request.fit);
  const Contrast contrast(without);
  const std::vector<Tensor> means = mean_outputs(model, request.fit);
  const HeadEstimate effect = [&](const Visit& visit, const Tensor& value, const Tensor& gradient) {
    const std::int64_t last = value.size(1) - 1;
    const Tensor mean = means[static_cast<std::size_t>(visit.point.layer)].to(value.options());
    return ((mean - value.select(1, last)) * gradient.select(1, last)).sum(at::IntArrayRef{0, 2});
  };
  const HeadChoice choice{
      .change = [&](const HeadId& head) { return with_mean(model, means, head); },
      .count = static_cast<std::size_t>(request.settings.top.value_or(kFunctionHeads)),
      .goal = Goal::raise};
  const std::vector<MeasuredHead> heads =
      choose_heads(model, contrast, estimated_effects(model, contrast, Site::z, effect), choice);
  Steering out = best_layer(request, contrast, function_vector(model, means, heads_of(heads)));
  out.chosen["heads"] = to_json(heads);
  const Contrast judged(corrupted_prompts(request.held_out));
  out.direction.scores["corrupted_before"] = mean_of(judged.scores(model, unchanged));
  out.direction.scores["corrupted_after"] =
      mean_of(judged.scores(model, taps_of(model, out.direction, out.edits)));
  return out;
}

}  // namespace

SteerMethod function_vector_method() {
  return {
      .name = "function-vector",
      .summary = "What heads carry of a function shown by examples, added",
      .definition =
          "z̄ = mean z of each head at the last token of a task's clean prompts; a head's causal "
          "effect = the gain of the score when z̄ replaces its z in the corrupted prompts "
          "(estimated by gradients, measured for the 3 · --top best); v = Σ W_O z̄ over the "
          "--top (default 10) best; alpha · v added to the stream at the last token, behind "
          "the layer where that helps most on the corrupted prompts",
      .source = "Todd et al. 2023, Function vectors in large language models, arXiv:2310.15213",
      .reads = {"top", "layers", "alpha"},
      .fit = fit_function_vector};
}

}  // namespace headscope
