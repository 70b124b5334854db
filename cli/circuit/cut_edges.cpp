#include "cli/circuit/cut_edges.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "analyses/edges/exact_edges.h"
#include "cli/interrupt.h"
#include "cli/render/table.h"

namespace headscope {
namespace {

std::string correlation_of(const std::optional<double>& value) {
  return value ? format_number(*value) : std::string("–");
}

ExactComparison told_exactly(const std::vector<std::string>& edges,
                             const std::vector<double>& estimated,
                             const std::vector<double>& exact,
                             std::size_t top) {
  const Agreement found = agreement_of(estimated, exact, top);
  Table worst({{"edge"}, {"estimated", 4}, {"exact", 4}});
  for (std::size_t i = 0; i < std::min(top, found.worst.size()); ++i) {
    const std::size_t each = found.worst[i];
    worst.row({edges[each], estimated[each], exact[each]});
  }
  const auto json = [](const std::optional<double>& value) {
    return value ? OrderedJson(*value) : OrderedJson();
  };
  return {{{"edges", edges.size()},
           {"pearson", json(found.pearson)},
           {"spearman", json(found.spearman)},
           {"slope", json(found.slope)},
           {"worst", worst.json()}},
          fmt::format("\nagainst {} edges cut for real: Pearson {}, Spearman {}, exact = {} × "
                      "estimated\n\nfurthest off\n",
                      edges.size(),
                      correlation_of(found.pearson),
                      correlation_of(found.spearman),
                      correlation_of(found.slope)) +
              worst.text()};
}

}  // namespace

ExactComparison compared_with_cuts(const CircuitFindOptions& options,
                                   const Invocation& invocation,
                                   const CircuitInput& input,
                                   const CircuitGraph& graph) {
  const CircuitContext context = circuit_context(options.run, input);
  CircuitSettings settings;
  settings.stop = interrupted;
  const std::vector<std::int64_t> edges =
      edges_to_check(graph.scores, options.exact, invocation.common.seed);
  const std::vector<double> exact = losses_of_edges(context, settings, edges);
  if (exact.empty()) {
    throw Interrupted();
  }
  std::vector<std::string> names;
  std::vector<double> estimated;
  for (const std::int64_t edge : edges) {
    names.push_back(graph_name(graph.graph.edge(edge)));
    estimated.push_back(graph.scores[static_cast<std::size_t>(edge)]);
  }
  return told_exactly(names, estimated, exact, options.top);
}

}  // namespace headscope
