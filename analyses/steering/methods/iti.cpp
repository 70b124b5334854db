#include <algorithm>
#include <cmath>

#include "analyses/steering/applied.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/head_probes.h"
#include "analyses/steering/methods.h"
#include "lib/base/error.h"
#include "lib/base/head_scores.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kPublishedAlpha = 15.0;
constexpr double kShareOfHeads = 0.05;  // 48 of the 1,024 of LLaMA-7B

std::vector<HeadId> chosen_heads(const SteerRequest& request, const HeadProbes& probes) {
  if (request.settings.heads) {
    return given_heads(request.model, request.settings);
  }
  const std::size_t all = probes.accuracy.size();
  const auto few = static_cast<std::int64_t>(std::ceil(kShareOfHeads * static_cast<double>(all)));
  const auto count = static_cast<std::size_t>(request.settings.top.value_or(few));
  if (count < 1 || count > all) {
    throw UsageError("--top {}: the model has {}", count, all);
  }
  return top_heads(probes.ranking, count);
}

bool wants_probe_weights(const SteerRequest& request) {
  const std::string kind = request.settings.direction.value_or("mass-mean");
  if (kind != "mass-mean" && kind != "probe") {
    throw UsageError("--direction is mass-mean or probe, not {}", kind);
  }
  return kind == "probe";
}

Steering fit_iti(const SteerRequest& request) {
  const bool weights = wants_probe_weights(request);
  const HeadProbes probes = fit_head_probes(request.model, request.fit, request.seed);
  const std::vector<HeadId> heads = chosen_heads(request, probes);
  const ModelConfig& config = request.model.config();
  Steering out{.direction = direction_of(request.model, "iti", Op::add), .edits = {}};
  const double alpha = request.settings.alpha.value_or(kPublishedAlpha);
  for (const auto& [layer, list] : heads_by_layer(heads)) {
    Tensor values = at::zeros({config.n_heads, config.d_head}, at::kFloat);
    for (const std::int64_t head : list) {
      values[head].copy_(probes.direction({layer, head}, weights));
    }
    const std::string point = hook_name(Site::z, static_cast<int>(layer));
    out.direction.points.push_back({.name = point, .heads = list, .values = values});
    out.edits.push_back(with_own_values(point, list, Op::add, alpha));
  }
  out.chosen["heads"] = OrderedJson::array();
  for (const HeadId& head : heads) {
    out.chosen["heads"].push_back(
        {{"head", to_string(head)}, {"validation_accuracy", probes.accuracy[head]}});
  }
  out.direction.scores["probe_accuracy"] =
      mean_probe_accuracy(request.model, probes, heads, request.held_out);
  return out;
}

}  // namespace

SteerMethod iti_method() {
  return {.name = "iti",
          .summary = "Inference-time intervention: shifts heads whose probes tell",
          .definition =
              "a logistic regression on each head's z at the last token, fitted to four fifths of "
              "the examples; the --top (default 5 %) of the highest accuracy on the fifth; θ = "
              "the unit vector of mean z⁺ − mean z⁻ (or of the probe's weights), σ the standard "
              "deviation of z · θ; z + alpha · σ · θ at every position. With --heads, of those "
              "heads",
          .source = "Li et al. 2023, Inference-time intervention, arXiv:2306.03341",
          .reads = {"top", "heads", "alpha", "direction"},
          .fit = fit_iti};
}

}  // namespace headscope
