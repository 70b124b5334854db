#include "analyses/sweep/continuation.h"

#include "analyses/sweep/staggered_forward.h"

namespace headscope {

KvPrefix prefix_of(const Model& model, const RunValues& run, std::int64_t columns) {
  KvPrefix prefix;
  prefix.columns = columns;
  for (std::int64_t layer = 0; columns > 0 && layer < model.config().n_layers; ++layer) {
    prefix.layers.push_back(
        {run.at(attention_k_site(model.config()), layer), run.at(Site::v, layer)});
  }
  return prefix;
}

Continuation::Continuation(const Model& model,
                           const RunValues& run,
                           const BatchLayout& layout,
                           std::int64_t first_column)
    : model_(model), layout_(layout), prefix_(prefix_of(model, run, first_column)) {}

ForwardResult Continuation::resume(const ResidualRows& from, const ForwardOptions& options) const {
  KvPrefix prefix = prefix_;
  prefix.row = from.row;
  const Resume resume{.layout = layout_of_rows(layout_, prefix.columns, from.row),
                      .residual = from.streams,
                      .layer = from.layer,
                      .at = from.at,
                      .prefix = prefix.columns > 0 ? &prefix : nullptr};
  return model_.resume(resume, options);
}

// Where only the last column's logits are read, the last block runs that column alone.
std::optional<Tensor> Continuation::logits(const std::vector<ResidualRows>& entering,
                                           const std::vector<std::int64_t>& vocab,
                                           const std::function<bool()>& stop) const {
  const std::int64_t layers = model_.config().n_layers;
  const bool last_alone = layout_.read_at.empty();
  const auto run = [&](const ResidualRows& from, std::int64_t to_layer) {
    const ForwardOptions options{.logits = Logits::none,
                                 .to_layer = to_layer,
                                 .last_block = last_alone && to_layer == layers
                                                   ? LastBlock::last_column
                                                   : LastBlock::all_columns};
    return Stream{resume(from, options).residual, from.row};
  };
  std::vector<ResidualRows> cut = entering;
  for (ResidualRows& rows : cut) {
    if (last_alone && rows.layer == layers) {
      rows.streams = rows.streams.narrow(1, rows.streams.size(1) - 1, 1);
    }
  }
  const auto last = staggered_forward(cut, layers, {.run = run, .stop = stop});
  if (!last) {
    return std::nullopt;
  }
  KvPrefix none;  // no attention is left to run
  none.columns = layout_.columns - last->resid.size(1);
  const Resume end{.layout = layout_of_rows(layout_, none.columns, last->row),
                   .residual = last->resid,
                   .layer = layers,
                   .prefix = &none};
  return model_.resume(end, {.logits = Logits::last, .vocab = vocab}).logits;
}

}  // namespace headscope
