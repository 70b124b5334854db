#include "analyses/sweep/continuation.h"

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor join(const Tensor& first, const Tensor& second) {
  return first.defined() ? at::cat({first, second}) : second;
}

}  // namespace

Continuation::Continuation(const Model& model,
                           const RunValues& run,
                           const BatchLayout& layout,
                           std::int64_t first_column)
    : model_(model), layout_(layout) {
  layout_.past = first_column;
  layout_.columns = layout.columns - first_column;
  prefix_.columns = first_column;
  if (first_column > 0) {
    for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
      prefix_.layers.push_back(
          {run.at(placed_keys(model.config()), layer), run.at(Site::v, layer)});
    }
  }
}

Resume Continuation::resume_of(const Entering& from, KvPrefix& prefix) const {
  prefix.row = from.row;
  Resume resume{.layout = layout_,
                .residual = from.streams,
                .layer = from.layer,
                .at = from.at,
                .prefix = prefix.columns > 0 ? &prefix : nullptr};
  resume.layout.rows = from.streams.size(0);
  resume.layout.pads.clear();
  const Tensor rows = from.row.cpu();
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const auto row = static_cast<std::size_t>(rows.const_data_ptr<std::int64_t>()[i]);
    resume.layout.pads.push_back(layout_.pads[row]);
  }
  return resume;
}

Continuation::Stream Continuation::run(const Entering& from, std::int64_t to_layer) const {
  KvPrefix prefix = prefix_;
  const Resume resume = resume_of(from, prefix);
  return {model_.resume(resume, {.logits = Logits::none, .to_layer = to_layer}).residual, from.row};
}

std::optional<Tensor> Continuation::logits(const std::vector<Entering>& entering,
                                           const std::vector<std::int64_t>& vocab,
                                           const std::function<bool()>& stop) const {
  const std::int64_t layers = model_.config().n_layers;
  Stream active;
  auto next = entering.begin();
  const auto take = [&](std::int64_t layer, Resume::At at) {
    for (; next != entering.end() && next->layer == layer && next->at == at; ++next) {
      const Stream more =
          at == Resume::At::mid ? run(*next, layer + 1) : Stream{next->streams, next->row};
      active = {join(active.resid, more.resid), join(active.row, more.row)};
    }
  };
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    if (stop && stop()) {
      return std::nullopt;
    }
    take(layer, Resume::At::layer);
    if (active.resid.defined()) {
      active = run({layer, Resume::At::layer, active.resid, active.row}, layer + 1);
    }
    take(layer, Resume::At::mid);
  }
  take(layers, Resume::At::layer);
  if (next != entering.end()) {
    throw InternalError("rows enter a continuation out of the order of their layers");
  }
  KvPrefix prefix = prefix_;
  const Resume last = resume_of({layers, Resume::At::layer, active.resid, active.row}, prefix);
  return model_.resume(last, {.logits = Logits::last, .vocab = vocab}).logits;
}

}  // namespace headscope
