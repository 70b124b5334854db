// Value drain, with residual peaks and massive activations in the notes.
#include "analyses/head_detectors/detectors/value_drain.h"

#include <algorithm>

#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/massive_activations.h"
#include "analyses/head_detectors/text_loss.h"
#include "lib/base/json.h"
#include "lib/base/random.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kValueDrainPerDomain = 3;  // prompts a seed
constexpr std::size_t kValueDrainNoted = 8;       // massive activations a layer

class ValueTap final : public Tap {
 public:
  explicit ValueTap(const Model& model) : model_(model) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::v ? Interest::observe : Interest::none;
  }

  // ‖v W_O‖² = v (W_O W_Oᵀ) vᵀ: nothing of d_model a head and token is formed.
  Tensor visit(const Visit& visit, const Tensor& v) override {
    const Tensor W_O = model_.W_O(visit.point.layer).to(at::kDouble);
    const Tensor gram = at::bmm(W_O, W_O.transpose(1, 2));  // [H, d_head, d_head]
    const Tensor by_head =
        v.to(at::kDouble).repeat_interleave(visit.config.heads_per_kv(), 2);  // [B, T, H, d_head]
    const Tensor through = at::einsum("bthd,hde->bthe", {by_head, gram});
    norms.push_back((through * by_head).sum(-1).clamp_min(0).sqrt());
    return v;
  }

  std::vector<Tensor> norms;  // [B, T, H] a layer

 private:
  const Model& model_;
};

Tensor random_tokens(const Tensor& norms, std::uint64_t seed) {
  Random random(seed, "value drain");
  std::vector<std::int64_t> columns;
  for (std::int64_t row = 0; row < norms.size(0); ++row) {
    columns.push_back(
        1 + static_cast<std::int64_t>(random.below(static_cast<std::size_t>(norms.size(1) - 1))));
  }
  return index_tensor(columns, norms.device());
}

OrderedJson layer_json(const LayerActivations& layer) {
  OrderedJson massive = OrderedJson::array();
  for (std::size_t i = 0; i < std::min(kValueDrainNoted, layer.massive.size()); ++i) {
    const MassiveActivation& each = layer.massive[i];
    massive.push_back({{"dim", each.dim},
                       {"token", each.token},
                       {"prompts", each.prompts},
                       {"largest", each.largest}});
  }
  return {{"first_token_residual_peak", layer.first_norm - layer.other_norm},
          {"other_tokens_norm", layer.other_norm},
          {"largest", layer.largest},
          {"median", layer.median},
          {"massive", massive}};
}

Finding run_value_drain(const DetectorContext& context) {
  std::vector<Tensor> scores;
  std::vector<Tensor> controls;
  std::vector<std::vector<std::int32_t>> first;
  for (const std::uint64_t seed : context.seeds) {
    if (stopped(context)) {
      break;
    }
    const auto prompts = text_sample(context.model, seed, kValueDrainPerDomain);
    first = first.empty() ? prompts : first;
    const Tensor norms = written_norms(context.model, prompts);
    scores.push_back(drain_at(norms, at::zeros({norms.size(0)}, norms.options().dtype(at::kLong))));
    controls.push_back(drain_at(norms, random_tokens(norms, seed)));
  }
  Finding finding{head_samples(scores), head_samples(controls)};
  if (!first.empty()) {
    OrderedJson layers = OrderedJson::array();
    for (const LayerActivations& layer : massive_activations(context.model, first)) {
      layers.push_back(layer_json(layer));
    }
    finding.notes["prompts"] = first.size();
    finding.notes["stream_by_block"] = std::move(layers);
  }
  return finding;
}

std::string value_drain_undefined(const Model& model) {
  return model.has_tokenizer() ? "" : "no tokenizer beside the weights";
}

}  // namespace

Tensor written_norms(const Model& model, const std::vector<std::vector<std::int32_t>>& prompts) {
  ValueTap tap(model);
  model.forward(Batch(prompts), tap, {.logits = Logits::none});
  return at::stack(tap.norms, 2);
}

Tensor drain_at(const Tensor& norms, const Tensor& at) {
  const Tensor column = at::arange(norms.size(1), at.options()).unsqueeze(0);  // [1, T]
  const Tensor others = column.gt(0).logical_and(column.ne(at.unsqueeze(1))).to(norms.dtype());
  const Tensor weights = (others / others.sum(1, true)).view({norms.size(0), norms.size(1), 1, 1});
  const Tensor mean = (norms * weights).sum(1);
  const Tensor index = at.view({-1, 1, 1, 1}).expand({-1, 1, norms.size(2), norms.size(3)});
  const Tensor own = norms.gather(1, index).squeeze(1);
  return at::where(mean.gt(0), 1 - own / mean.clamp_min(1e-30), at::zeros_like(mean));
}

Detector value_drain_detector() {
  return {
      .name = "value_drain",
      .role = "value-drain head",
      .summary = "writes next to nothing of the first token, however much it attends there",
      .definition =
          "1 − ‖v_first W_O‖ / mean over other tokens of ‖v W_O‖, on natural text. Control: a "
          "random "
          "later token in the place of the first. notes: by layer, the residual peak (‖stream‖ of "
          "the "
          "first token less the mean of the others) and massive activations (|x| > 100 and ≥ 1,000 "
          "medians)",
      .source =
          "Guo et al. 2024, arXiv:2410.13835 (value-state drains, residual-state peaks); Sun et "
          "al. "
          "2024, arXiv:2402.17762 (massive activations)",
      .threshold = 0.5,
      .threshold_source = "ours: half of what it writes of other tokens; the paper has none",
      .undefined = value_drain_undefined,
      .run = run_value_drain,
  };
}

}  // namespace headscope
