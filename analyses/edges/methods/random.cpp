// The control: scores that know nothing.
#include "lib/base/random.h"

#include "analyses/edges/methods.h"

namespace headscope {
namespace {

std::vector<double> drawn_scores(std::int64_t size, std::uint64_t seed) {
  Random random(seed, "circuit");
  std::vector<double> scores;
  for (std::int64_t i = 0; i < size; ++i) {
    scores.push_back(static_cast<double>(random.next() >> 11) * 0x1.0p-53);  // [0, 1)
  }
  return scores;
}

std::vector<double> random_edges(const CircuitContext& context, const CircuitSettings& settings) {
  return drawn_scores(context.graph.n_edges(), settings.seed);
}

std::vector<double> random_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return drawn_scores(context.graph.n_writers(), settings.seed);
}

}  // namespace

CircuitMethod random_method() {
  return {.name = "random",
          .summary = "the control: scores drawn from the seed",
          .definition = "uniform on [0, 1)",
          .source = "",
          .edges = random_edges,
          .nodes = random_nodes,
          .over_items = OverItems::together};
}

}  // namespace headscope
