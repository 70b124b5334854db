#include "analyses/edges/circuit_method.h"

#include <cmath>

#include "analyses/edges/methods.h"
#include "lib/base/error.h"
#include "lib/base/named.h"

namespace headscope {

std::span<const CircuitMethod> all_circuit_methods() {
#define HEADSCOPE_MAKE(name) name##_method(),
  static const std::vector<CircuitMethod> kMethods{HEADSCOPE_CIRCUIT_METHODS(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
  return kMethods;
}

const CircuitMethod& find_circuit_method(const std::string& name) {
  return find_named(all_circuit_methods(), name, "--method " + name + ": no such method");
}

std::vector<double> logged_step(const CircuitSettings& settings,
                                std::size_t size,
                                const std::function<std::vector<double>()>& compute) {
  return settings.log != nullptr ? settings.log->step(size, compute) : compute();
}

std::vector<double> circuit_scores(const CircuitMethod& method,
                                   CircuitLevel level,
                                   const CircuitContext& context,
                                   const CircuitSettings& settings) {
  const auto score = level == CircuitLevel::edge ? method.edges : method.nodes;
  if (score == nullptr) {
    throw UsageError("--method {} scores no {}s; take --level {}",
                     method.name,
                     to_string(level),
                     level == CircuitLevel::edge ? "node" : "edge");
  }
  std::vector<double> scores = score(context, settings);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      const auto index = static_cast<std::int64_t>(i);
      throw DataError("the score of {} is not a number: gradients overflowed; try --dtype f32",
                      level == CircuitLevel::edge ? graph_name(context.graph.edge(index))
                                                  : graph_name(context.graph.writer_node(index)));
    }
  }
  return scores;
}

}  // namespace headscope
