#include "analyses/discrete_codes/code_circuit.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// [all prompts · heads, d_model], positive prompts first.
Tensor all_vectors(const CodeExamples& examples) {
  return at::cat({examples.positive, examples.negative}).flatten(0, 1);
}

Tensor training_vectors(const CodeExamples& examples, const CodeCircuitOptions& options) {
  const Tensor prompts = at::cat({examples.positive, examples.negative});
  if (options.examples < 1 || options.examples > prompts.size(0)) {
    throw UsageError("{} training prompts are wanted, but there are {} (clean and corrupted ones)",
                     options.examples,
                     prompts.size(0));
  }
  std::vector<std::int64_t> places(static_cast<std::size_t>(prompts.size(0)));
  std::iota(places.begin(), places.end(), std::int64_t{0});
  Random random(options.sae.seed, "code examples");
  places = random.sample(places, static_cast<std::size_t>(options.examples));
  return prompts.index_select(0, index_tensor(places, prompts.device())).flatten(0, 1);
}

std::vector<std::vector<std::int32_t>> rows_of(const Tensor& codes) {
  const Tensor rows = codes.to(at::kCPU, at::kInt).contiguous();
  const auto* value = rows.const_data_ptr<std::int32_t>();
  std::vector<std::vector<std::int32_t>> out;
  for (std::int64_t row = 0; row < rows.size(0); ++row) {
    out.emplace_back(value + row * rows.size(1), value + (row + 1) * rows.size(1));
  }
  return out;
}

std::int64_t codes_used(const HeadCodes& codes) {
  std::set<std::int32_t> used;
  for (const auto* prompts : {&codes.positive, &codes.negative}) {
    for (const auto& prompt : *prompts) {
      used.insert(prompt.begin(), prompt.end());
    }
  }
  return static_cast<std::int64_t>(used.size());
}

double squares(const Tensor& x) {
  return x.to(at::kDouble).pow(2).sum().item<double>();
}

void measure(const CodeSae& sae, const Tensor& x, CodeCircuit& circuit) {
  const Tensor f = sae.encode(x);
  circuit.fvu = squares(sae.decode(f) - x) / squares(x - x.mean(0));
  circuit.l0 = (f > 0).to(at::kDouble).sum(1).mean().item<double>();
}

}  // namespace

CodeCircuit code_circuit(const CodeExamples& examples, const CodeCircuitOptions& options) {
  Tensor x = training_vectors(examples, options);
  const double scale =
      options.scale == CodeScale::none
          ? 1.0
          : std::sqrt(squares(x) / static_cast<double>(std::max<std::int64_t>(x.numel(), 1)));
  if (scale == 0.0) {
    throw UsageError("no head writes anything for the training prompts");
  }
  const CodeSae sae = train_code_sae(x / scale, options.sae);
  const HeadCodes codes{examples.grid,
                        options.sae.codes,
                        rows_of(codes_of(sae, examples.positive / scale)),
                        rows_of(codes_of(sae, examples.negative / scale))};
  CodeCircuit circuit{.seed = options.sae.seed};
  circuit.codes_used = codes_used(codes);
  if (circuit.codes_used < 2) {
    throw UsageError(
        "every head has one and the same code for every prompt: the autoencoder learned nothing at "
        "this scale; try --scale rms, another --l1 or more --epochs");
  }
  circuit.nodes = code_node_scores(codes, options.normalise);
  circuit.edges = code_edge_scores(codes, options.normalise);
  circuit.edge_nodes = heads_of_edges(examples.grid, circuit.edges);
  measure(sae, all_vectors(examples) / scale, circuit);
  return circuit;
}

}  // namespace headscope
