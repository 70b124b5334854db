// Copying as Olsson et al. measure it: what a head raises on random tokens, are they in the
// context?
#include <optional>

#include "analyses/head_detectors/context_mass.h"
#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/token_sample.h"
#include "lib/kernels/linear.h"
#include "lib/model/norm.h"
#include "lib/model/post_norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kInductionCopyingTokens = 25;
constexpr std::int64_t kQueryStep = 2;

class HeadOutputTap final : public Tap {
 public:
  HeadOutputTap(const Model& model, const ContextTokens& tokens, std::function<bool()> stop)
      : model_(model), tokens_(tokens), stop_(std::move(stop)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::z ? Interest::observe : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& z) override {
    if (!stop_ || !stop_()) {
      layers.push_back(
          masses(visit.point.layer, z[0].slice(0, tokens_.from, z.size(1), kQueryStep)));
    }
    return z;
  }

  std::vector<Tensor> layers;  // [2, queries, H]

 private:
  // z [queries, H, d_head]
  [[nodiscard]] Tensor masses(std::int64_t layer, const Tensor& z) const {
    const ModelConfig& c = model_.config();
    const Tensor W_O = model_.W_O(layer);
    std::vector<Tensor> heads;
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      const Tensor written = at::matmul(z.select(1, head).to(at::kFloat), W_O[head].to(at::kFloat));
      heads.push_back(raised_share(model_, with_attention_gain(model_, layer, written), tokens_));
    }
    return at::stack(heads, 2);
  }

  const Model& model_;
  const ContextTokens& tokens_;
  std::function<bool()> stop_;
};

}  // namespace

Tensor raised_share(const Model& model, const Tensor& written, const ContextTokens& tokens) {
  const ModelConfig& c = model.config();
  const NormWeights gain{model.weights().ln_final.gain, {}};
  const Tensor normed = normalize(written, gain, c.norm, c.norm_eps).to(to_torch(model.dtype()));
  const Tensor logits = linear_f32(normed, model.weights().W_U, {});
  const Tensor raised = (logits - logits.mean(1, true)).relu();
  const Tensor whole = raised.sum(1).to(at::kDouble);
  const auto part = [&](const std::vector<std::int32_t>& ids) {
    const Tensor index = index_tensor({ids.begin(), ids.end()}, raised.device());
    const Tensor mass = raised.index_select(1, index).sum(1).to(at::kDouble);
    return at::where(whole.gt(0), mass / whole.clamp_min(1e-30), at::zeros_like(whole));
  };
  return at::stack({part(tokens.in), part(tokens.out)});
}

Tensor above_chance(const Tensor& share, std::int64_t in, std::int64_t vocabulary) {
  const double chance = static_cast<double>(in) / static_cast<double>(vocabulary);
  return (share - chance) / (share + chance);
}

Tensor context_masses(const Model& model,
                      const ContextTokens& tokens,
                      const std::vector<std::int32_t>& prompt,
                      const std::function<bool()>& stop) {
  HeadOutputTap tap(model, tokens, stop);
  model.forward(Batch({prompt}), tap, {.logits = Logits::none});
  const bool whole = static_cast<std::int64_t>(tap.layers.size()) == model.config().n_layers;
  return whole ? at::stack(tap.layers, 2) : Tensor();
}

namespace {

Finding run_induction_copying(const DetectorContext& context) {
  std::vector<Tensor> scores;
  std::vector<Tensor> controls;
  for (const std::uint64_t seed : context.seeds) {
    std::vector<std::int32_t> drawn =
        sample_tokens(context.model, 2 * kInductionCopyingTokens, seed);
    const auto half = drawn.begin() + static_cast<std::ptrdiff_t>(drawn.size() / 2);
    ContextTokens tokens{{drawn.begin(), half}, {half, drawn.end()}};
    tokens.from = 1 + static_cast<std::int64_t>(tokens.in.size());
    std::vector<std::int32_t> prompt{0};
    if (context.model.has_tokenizer()) {
      prompt[0] = context.model.tokenizer().bos().value_or(0);
    }
    prompt.insert(prompt.end(), tokens.in.begin(), tokens.in.end());
    prompt.insert(prompt.end(), tokens.in.begin(), tokens.in.end());
    const Tensor both = context_masses(context.model, tokens, prompt, context.stop);
    if (!both.defined()) {
      break;
    }
    const auto in = static_cast<std::int64_t>(tokens.in.size());
    scores.push_back(above_chance(both[0], in, context.model.config().d_vocab));
    controls.push_back(above_chance(both[1], in, context.model.config().d_vocab));
  }
  return {head_samples(scores), head_samples(controls)};
}

}  // namespace

Detector induction_copying_detector() {
  return {
      .name = "induction_copying",
      .role = "context-copying head",
      .summary = "what it raises on repeated random tokens is the tokens of the context",
      .definition =
          "on 25 random tokens twice over, at the queries of the second copy: the head's own "
          "output "
          "through the final norm's gain and W_U, less its mean over the vocabulary, negative "
          "logits "
          "dropped; the share s of it on the 25 tokens, against the share c = 25 / V of chance, as "
          "(s − c) / (s + c): 0 is chance (Olsson et al. have 2 s − 1, which with 49,152 tokens is "
          "−1 for every head). Every second query. Control: 25 tokens not in the context",
      .source =
          "Olsson et al. 2022, arXiv:2209.11895, appendix (head activation evaluators: copying)",
      .threshold = std::nullopt,
      .threshold_source = "",
      .run = run_induction_copying,
  };
}

}  // namespace headscope
