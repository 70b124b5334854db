#include "analyses/head_detectors/text_loss.h"

#include <algorithm>
#include <map>

#include <ATen/ops/logsumexp.h>

#include "analyses/head_detectors/probe.h"
#include "analyses/sweep/site_change.h"
#include "hooks/edits.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kLogitsAtOnce = 1 << 25;  // numbers

BatchLayout layout_of(std::int64_t rows, std::int64_t columns) {
  return {.rows = rows,
          .columns = columns,
          .past = 0,
          .total = columns,
          .pads = std::vector<std::int64_t>(static_cast<std::size_t>(rows))};
}

// The stream behind the last block [R, T, d_model] → [R, T − 1].
Tensor log_probs_of(const Model& model, const Tensor& stream, const Tensor& tokens) {
  const std::int64_t columns = stream.size(1);
  const std::int64_t at_once =
      std::max<std::int64_t>(1, kLogitsAtOnce / (columns * model.config().d_vocab));
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < stream.size(0); begin += at_once) {
    const std::int64_t rows = std::min(at_once, stream.size(0) - begin);
    const Resume end{.layout = layout_of(rows, columns),
                     .residual = stream.narrow(0, begin, rows),
                     .layer = model.config().n_layers};
    parts.push_back(next_token_log_probs(model.resume(end, {.logits = Logits::all}).logits,
                                         tokens.narrow(0, begin, rows)));
  }
  return at::cat(parts);
}

}  // namespace

Tensor next_token_log_probs(const Tensor& logits, const Tensor& tokens) {
  const std::int64_t next = logits.size(1) - 1;
  const Tensor before = logits.narrow(1, 0, next);
  const Tensor wanted = tokens.narrow(1, 1, next).to(logits.device()).unsqueeze(2);
  return before.gather(2, wanted).squeeze(2) - at::logsumexp(before, {2});
}

std::vector<std::vector<std::int32_t>> text_sample(const Model& model,
                                                   std::uint64_t seed,
                                                   std::int64_t per_domain) {
  std::map<std::string, std::int64_t> taken;
  std::vector<std::vector<std::int32_t>> prompts;
  for (const ProbePrompt& prompt : make_probe(Probe::text, model, seed)) {
    if (taken[prompt.group]++ < per_domain) {
      prompts.push_back(prompt.tokens);
    }
  }
  return prompts;
}

struct HeadAblation::Kept {
  Model model;  // cheap to copy, and the caller's may be a temporary
  Batch batch;
  RunValues run;
  Tensor whole;
};

HeadAblation::HeadAblation(const Model& model,
                           const std::vector<std::vector<std::int32_t>>& prompts)
    : kept_(nullptr) {
  const Batch batch(prompts);
  std::vector<Site> sites = sites_of_changed_run(Site::z, model.config());
  sites.push_back(Site::resid_post);
  RunValues run(model, batch, {.sites = sites, .first_column = 0, .vocab = {0}});
  const Tensor last = run.at(Site::resid_post, model.config().n_layers - 1);
  const Tensor whole = log_probs_of(model, last, batch.tokens());
  kept_ = std::make_unique<Kept>(Kept{model, batch, std::move(run), whole});
}

HeadAblation::~HeadAblation() = default;

const Tensor& HeadAblation::whole() const {
  return kept_->whole;
}

// Whole passes, which a standing change is part of.
Tensor HeadAblation::by_whole_passes(std::int64_t layer) const {
  std::vector<Tensor> heads;
  for (std::int64_t head = 0; head < kept_->model.config().n_heads; ++head) {
    Edits off;
    off.at(hook_name(Site::z, static_cast<int>(layer)), {.heads = {{head}}}).zero();
    const ForwardOptions streams{.logits = Logits::none};
    heads.push_back(log_probs_of(kept_->model,
                                 kept_->model.forward(kept_->batch, off, streams).residual,
                                 kept_->batch.tokens()));
  }
  return at::stack(heads);
}

Tensor HeadAblation::without_heads_of(std::int64_t layer) const {
  if (kept_->model.standing()) {
    return by_whole_passes(layer);
  }
  const ModelConfig& c = kept_->model.config();
  const Replacement nothing = [](Site, std::int64_t, const Tensor& original) {
    return at::zeros_like(original);
  };
  const BatchLayout& layout = kept_->batch.layout();
  const Tensor everywhere =
      at::ones({layout.rows, layout.columns}, at::kBool).to(to_torch(kept_->model.device()));
  const ChangedStreams changed = changed_streams({.model = kept_->model,
                                                  .run = kept_->run,
                                                  .replacement = nothing,
                                                  .site = Site::z,
                                                  .layout = layout,
                                                  .kept_from = 0,
                                                  .changed = everywhere},
                                                 layer,
                                                 {0, c.n_heads});
  const Resume rest{.layout = layout_of(c.n_heads * layout.rows, layout.columns),
                    .residual = changed.streams.flatten(0, 1),
                    .layer = changed.layer,
                    .at = changed.at};
  const Tensor stream = kept_->model.resume(rest, {.logits = Logits::none}).residual;
  const Tensor tokens = kept_->batch.tokens().repeat({c.n_heads, 1});
  return log_probs_of(kept_->model, stream, tokens).view({c.n_heads, layout.rows, -1});
}

}  // namespace headscope
