#include "analyses/edges/masked_runs.h"

#include <algorithm>
#include <map>

#include "analyses/edges/masked_tap.h"
#include "lib/model/gradients.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {

MaskedRuns::MaskedRuns(const CircuitContext& context, const PromptBatch& batch)
    : context_(context),
      batch_(batch),
      clean_(written_by(context.model, batch.clean)),
      ablated_(context.ablated(batch)),
      streams_(residual_streams(context.model,
                                {batch.layout(), first_stream(context.model, batch.clean)})) {
  if (context.scoring.metric().needs_clean) {
    clean_logits_ = context.model.forward(batch.clean, {.logits = Logits::last}).logits;
  }
}

// The first layer that a circuit lacks an edge in; the last one if it lacks only edges to the
// logits, or none.
std::int64_t MaskedRuns::first_layer(const EdgeSet& circuit) const {
  const EdgeGraph& graph = context_.graph;
  const auto missing = std::find(circuit.begin(), circuit.end(), false) - circuit.begin();
  std::int64_t layer = 0;
  while (layer + 1 < graph.shape().n_layers &&
         graph.index(0, graph.first_reader(layer + 1)) <= missing) {
    ++layer;
  }
  return layer;
}

// Rows of one circuit each take the differences of the writers from the first layer on, what the
// heads of one layer read three times (the stream less what is cut, normalised, projected), and a
// pass.
std::int64_t MaskedRuns::at_once(std::int64_t first_layer) const {
  const ModelConfig& c = context_.model.config();
  const std::int64_t tokens = batch_.rows() * batch_.columns();
  const std::int64_t writers =
      context_.graph.n_writers() - context_.graph.first_writer(first_layer);
  const std::int64_t a_token =
      (writers + 12 * c.n_heads + 8) * c.d_model * 4 + token_bytes(c, context_.model.dtype());
  const std::int64_t logits = batch_.rows() * 8 *
                              (context_.scoring.vocab().empty()
                                   ? c.d_vocab
                                   : static_cast<std::int64_t>(context_.scoring.vocab().size()));
  const std::int64_t cut = context_.graph.n_readers() * context_.graph.n_writers() * 8;
  const std::int64_t fit = context_.memory / (tokens * a_token + logits + cut);
  const std::int64_t enough = enough_tokens(context_.model.device(), PassDirection::forwards);
  return std::clamp<std::int64_t>(std::min(fit, enough / tokens), 1, 256);
}

std::vector<std::vector<double>> MaskedRuns::values(const std::vector<EdgeSet>& circuits) const {
  std::map<std::int64_t, std::vector<std::size_t>> by_layer;
  for (std::size_t i = 0; i < circuits.size(); ++i) {
    by_layer[first_layer(circuits[i])].push_back(i);
  }
  std::vector<std::vector<double>> values(circuits.size());
  for (const auto& [layer, members] : by_layer) {
    const auto step = static_cast<std::size_t>(at_once(layer));
    for (std::size_t begin = 0; begin < members.size(); begin += step) {
      const auto first = members.begin() + static_cast<std::ptrdiff_t>(begin);
      const std::size_t size = std::min(step, members.size() - begin);
      run(circuits, {first, first + static_cast<std::ptrdiff_t>(size)}, layer, values);
    }
  }
  return values;
}

void MaskedRuns::run(const std::vector<EdgeSet>& circuits,
                     const std::vector<std::size_t>& together,
                     std::int64_t first_layer,
                     std::vector<std::vector<double>>& values) const {
  std::vector<const EdgeSet*> sets;
  std::vector<std::int64_t> items;
  for (const std::size_t circuit : together) {
    sets.push_back(&circuits[circuit]);
    items.insert(items.end(), batch_.items.begin(), batch_.items.end());
  }
  const auto times = static_cast<std::int64_t>(together.size());
  Resume from =
      repeated_rows(batch_.layout(), streams_.at(static_cast<std::size_t>(first_layer)), times);
  from.layer = first_layer;
  MaskedTap tap({context_.model, context_.graph, clean_, ablated_, first_layer}, sets);
  const ForwardOptions options{.logits = Logits::last, .vocab = context_.scoring.vocab()};
  const Tensor logits = context_.model.resume(from, tap, options).logits;
  const Tensor clean = clean_logits_.defined() ? clean_logits_.repeat({times, 1}) : clean_logits_;
  const std::vector<double> scored = context_.scoring.values(logits, items, clean);
  for (std::size_t i = 0; i < together.size(); ++i) {
    const auto row = scored.begin() + static_cast<std::ptrdiff_t>(i * batch_.items.size());
    values[together[i]].assign(row, row + batch_.rows());
  }
}

}  // namespace headscope
