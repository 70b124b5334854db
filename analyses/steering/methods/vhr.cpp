#include <algorithm>

#include "analyses/steering/applied.h"
#include "analyses/steering/context_dependence.h"
#include "analyses/steering/methods.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kReinforced = 2.0;

std::vector<std::int64_t> reinforced_layers(const SteerRequest& request) {
  if (request.settings.layers) {
    return *request.settings.layers;
  }
  std::vector<std::int64_t> layers;
  for (std::int64_t layer = request.model.config().n_layers / 2;
       layer < request.model.config().n_layers;
       ++layer) {
    layers.push_back(layer);
  }
  return layers;
}

Steering fit_vhr(const SteerRequest& request) {
  if (!request.settings.span) {
    throw UsageError("vhr needs --span NAME, the part of the prompts that heads should heed more");
  }
  const ContextDependence dependence =
      context_dependence(request.model, request.fit, *request.settings.span);
  std::vector<HeadId> heads;
  for (const std::int64_t layer : reinforced_layers(request)) {
    if (layer < 0 || layer >= request.model.config().n_layers) {
      throw UsageError("--layers {}: the model has {}", layer, request.model.config().n_layers);
    }
    for (const HeadId& head : context_heads(dependence, layer)) {
      heads.push_back(head);
    }
  }
  std::stable_sort(heads.begin(), heads.end(), [&](const HeadId& a, const HeadId& b) {
    return dependence.change[a] > dependence.change[b];
  });
  if (request.settings.top) {
    heads.resize(std::min(heads.size(), static_cast<std::size_t>(*request.settings.top)));
  }
  if (heads.empty()) {
    throw UsageError("vhr: no head in these layers depends on the span");
  }
  Steering out{.direction = direction_of(request.model, "vhr", Op::scale),
               .edits = at_heads(heads, Op::scale, request.settings.alpha.value_or(kReinforced))};
  out.chosen["heads"] = OrderedJson::array();
  for (const HeadId& head : heads) {
    out.chosen["heads"].push_back(
        {{"head", to_string(head)}, {"divergence", dependence.change[head]}});
  }
  return out;
}

}  // namespace

SteerMethod vhr_method() {
  return {.name = "vhr",
          .summary = "Heads that depend on a part of the prompt turned up",
          .definition =
              "D = mean ‖z − z without the span‖ at the last token; in each of --layers (default: "
              "the second half) heads whose D exceeds the layer's median, D and ‖z without‖² both "
              "beyond mean + sd counting as 0; alpha · z (default 2) of those, or of the --top "
              "of the largest D among them",
          .source =
              "He et al. 2024, Cracking the code of hallucination in LVLMs with vision-aware "
              "head divergence, arXiv:2412.13949 (there: of image tokens, chosen for each prompt "
              "anew, layer by layer)",
          .reads = {"span", "layers", "top", "alpha"},
          .fit = fit_vhr};
}

}  // namespace headscope
