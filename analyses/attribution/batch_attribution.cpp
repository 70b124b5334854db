#include "analyses/attribution/batch_attribution.h"

#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

template <typename T>
std::vector<T> repeated(const std::vector<T>& values, std::int64_t times) {
  std::vector<T> all;
  for (std::int64_t i = 0; i < times; ++i) {
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

Tensor masks_of(const SweptColumns& columns, const at::Device& device) {
  std::vector<Tensor> masks;
  for (const ColumnGroup& group : columns.groups) {
    masks.push_back(group.changed.to(at::kDouble));
  }
  return at::stack(masks).to(device);
}

}  // namespace

BatchAttribution::BatchAttribution(const AttributionContext& context, const PromptBatch& batch)
    : context_(context), batch_(batch) {
  const SweptColumns columns =
      swept_columns(context.spec, context.model.config(), batch, context.task.items);
  for (const ColumnGroup& group : columns.groups) {
    positions_.push_back(group.pos);
  }
  cells_ = {context.spec.parts.front(), masks_of(columns, to_torch(context.model.device()))};
  const bool through_softmax = context.attribution.method == AttributionMethod::atp_qk_fix;
  followed_ = through_softmax ? Site::pattern : cells_.part.site;
}

std::int64_t BatchAttribution::steps() const {
  return context_.attribution.method == AttributionMethod::ig ? context_.attribution.steps : 1;
}

Resume BatchAttribution::start_of(const Batch& batch) const {
  return {batch.layout(),
          context_.model.forward(batch, {.logits = Logits::none, .to_layer = 0}).residual};
}

// atp: the run that is changed. ig: m runs on the way from it to the source, a row each.
Resume BatchAttribution::between() const {
  Resume from{batch_.layout(), own_start_};
  if (context_.attribution.method == AttributionMethod::ig) {
    std::vector<Tensor> starts;
    for (std::int64_t step = 1; step <= steps(); ++step) {
      const double way = static_cast<double>(step) / static_cast<double>(steps());
      starts.push_back(own_start_ + way * (source_start_ - own_start_));
    }
    from.residual = at::cat(starts);
    from.layout.rows *= steps();
    from.layout.pads = repeated(from.layout.pads, steps());
    from.layout.read_at = repeated(from.layout.read_at, steps());
  }
  return from;
}

Tensor BatchAttribution::objective(const Tensor& logits) const {
  const Tensor clean = clean_.defined()
                           ? at::cat(std::vector<Tensor>(static_cast<std::size_t>(steps()), clean_))
                           : clean_;
  return context_.scoring.differentiable(logits, repeated(batch_.items, steps()), clean);
}

LayerRun BatchAttribution::own_run(int layer) const {
  return {context_.model, batch_.layout(), own_.at(static_cast<std::size_t>(layer)), layer};
}

void BatchAttribution::visit(const Visit& visit, const Tensor& value, const Tensor& gradient) {
  const int layer = visit.point.layer;
  const Tensor& stream = source_.at(static_cast<std::size_t>(layer));
  const Tensor source = watched({context_.model, batch_.layout(), stream, layer}, cells_.part.site);
  switch (context_.attribution.method) {
    case AttributionMethod::atp:
      keep(layer, linear_terms(cells_, source - value, gradient));
      break;
    case AttributionMethod::atp_qk_fix:
      keep(layer, softmax_terms(cells_, own_run(layer), source, value, gradient));
      break;
    case AttributionMethod::ig: {
      const Tensor own = watched(own_run(layer), cells_.part.site);
      const Tensor mean = gradient.unflatten(0, {steps(), batch_.rows()}).mean(0);
      keep(layer, linear_terms(cells_, source - own, mean));
      break;
    }
  }
}

// `effects` [G, B, C].
void BatchAttribution::keep(int layer, const Tensor& effects) {
  const std::vector<double>& unchanged = context_.baselines.of(context_.spec.into);
  const Tensor plain = effects.contiguous();
  const auto* effect = plain.const_data_ptr<double>();
  for (const std::int64_t pos : positions_) {
    for (const std::int64_t item : batch_.items) {
      for (std::int64_t head = 0; head < plain.size(2); ++head) {
        const Cell cell{layer, cells_.part.heads ? head : -1, pos};
        values_.push_back({context_.grid.index(cell),
                           item,
                           unchanged[static_cast<std::size_t>(item)] + *effect++});
      }
    }
  }
}

std::vector<ResultStore::Value> BatchAttribution::run_stored() {
  const at::Device device = cells_.masks.device();
  for (int layer = 0; layer < context_.model.config().n_layers; ++layer) {
    const StoredTerms terms =
        stored_terms(context_.spec, *context_.attribution.stored, batch_, layer);
    keep(layer, linear_terms(cells_, terms.difference.to(device), terms.gradient.to(device)));
  }
  return std::move(values_);
}

std::vector<ResultStore::Value> BatchAttribution::run() {
  if (context_.attribution.stored != nullptr) {
    return run_stored();
  }
  const Run into = context_.spec.into;
  const Resume own = start_of(batch_.of(into));
  const Resume source = start_of(batch_.of(other_run(into)));
  own_start_ = own.residual;
  source_start_ = source.residual;
  source_ = residual_streams(context_.model, source);
  if (context_.attribution.method != AttributionMethod::atp) {
    own_ = residual_streams(context_.model, own);
  }
  if (context_.scoring.metric().needs_clean) {
    clean_ = context_.model.forward(batch_.clean, {.logits = Logits::last}).logits;
  }
  gradients(
      context_.model,
      between(),
      [this](const Tensor& logits) { return objective(logits); },
      *this,
      context_.scoring.vocab());
  return std::move(values_);
}

}  // namespace headscope
