// Edges told plainly: what a writer adds to the stream, and edits of what one reader reads.
#pragma once

#include <array>
#include <map>

#include "analyses/edges/edge_graph.h"
#include "analyses/edges/written.h"
#include "lib/model/model.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/taps.h"

namespace headscope::test {

// What each writer adds to the stream in a run, by its number [B, T, d_model]; where a norm follows
// attention, the head's share of what it lets through.
inline std::map<std::int64_t, Tensor> written_plainly(const Model& model,
                                                      const EdgeGraph& graph,
                                                      const Watch& run) {
  const ModelConfig& c = model.config();
  const HookPoint input = input_point(c);
  std::map<std::int64_t, Tensor> writers{{0, run.at(input.site, input.layer)}};
  for (int layer = 0; layer < c.n_layers; ++layer) {
    Tensor results = run.at(Site::result, layer);
    if (has_post_norm(c)) {
      const NormWeights& norm = model.weights().blocks[static_cast<std::size_t>(layer)].ln1_post;
      const Tensor& bias = model.weights().blocks[static_cast<std::size_t>(layer)].b_O;
      if (bias.defined()) {  // which passes the norm too: every head carries an equal part
        results = results + bias / static_cast<double>(c.n_heads);
      }
      results = results / run.at(Site::ln1_post_scale, layer).unsqueeze(2) * norm.gain;
      CHECK(difference(results.sum(2), run.at(Site::attn_out, layer)) < 1e-5);
    }
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      writers[graph.writer(Node::of({layer, head}))] = results.select(2, head);
    }
    writers[graph.writer(Node::mlp(layer))] = run.at(Site::mlp_out, layer);
  }
  return writers;
}

// Where a reader reads, and its head there; −1 where there are none.
struct ReaderPlace {
  HookPoint point;
  std::int64_t head = -1;
};
inline ReaderPlace reader_place(const EdgeGraph& graph, std::int64_t reader) {
  const GraphShape& shape = graph.shape();
  const auto layer = static_cast<int>(reader / graph.readers_a_layer());
  const std::int64_t within = reader % graph.readers_a_layer();
  if (layer == shape.n_layers) {
    return {{Site::resid_post, layer - 1}};
  }
  if (within == 3 * shape.n_heads) {
    return {{Site::mlp_in, layer}};
  }
  constexpr std::array<Site, 3> kSites{Site::q_input, Site::k_input, Site::v_input};
  return {{kSites.at(static_cast<std::size_t>(within / shape.n_heads)), layer},
          within % shape.n_heads};
}

// `value`, less `amount` at the reader's place.
inline Tensor lessened(const ReaderPlace& place, const Tensor& value, const Tensor& amount) {
  if (place.head < 0) {
    return value - amount;
  }
  Tensor out = value.clone();
  out.select(2, place.head).sub_(amount);
  return out;
}

}  // namespace headscope::test
