#include "analyses/head_detectors/confirm.h"

#include <algorithm>

#include <ATen/ops/log_softmax.h>

#include "analyses/metric/summary.h"
#include "hooks/edits.h"
#include "hooks/mean_values.h"
#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/model/batch_plan.h"
#include "lib/model/memory_need.h"
#include "lib/model/require_causal.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Heads are not confirmed on the prompts that chose them (a task file has only its own).
constexpr std::uint64_t kOtherPrompts = 1'000'003;

bool contains(const std::vector<HeadId>& heads, const HeadId& head) {
  return std::find(heads.begin(), heads.end(), head) != heads.end();
}

// The heads' z replaced by their means: [n_layers][n_heads, d_head].
Edits mean_ablation(const std::vector<HeadId>& heads, const std::vector<Tensor>& means) {
  std::map<std::int64_t, std::vector<std::int64_t>> of_layer;
  for (const HeadId& head : heads) {
    of_layer[head.layer].push_back(head.head);
  }
  Edits edits;
  for (const auto& [layer, own] : of_layer) {
    edits.at(hook_name(Site::z, static_cast<int>(layer)), {.heads = own})
        .replace(means[static_cast<std::size_t>(layer)]);
  }
  return edits;
}

// The first token that must be predicted: of repeated tokens the second of the second copy, which
// is the first that can be known.
std::int64_t first_scored(const Probe& probe, const ProbePrompt& prompt) {
  if (!prompt.answers.empty()) {
    return static_cast<std::int64_t>(prompt.tokens.size());
  }
  return probe.kind == Probe::repeated ? 2 + kPeriod : 1;
}

// Mean log-probability of what follows in each prompt. `logits` [B, T, V].
std::vector<double> log_probabilities(const Probe& probe,
                                      const std::vector<ProbePrompt>& prompts,
                                      const Tensor& logits) {
  std::vector<double> values;
  for (std::size_t b = 0; b < prompts.size(); ++b) {
    const ProbePrompt& prompt = prompts[b];
    const Tensor row = logits.select(0, static_cast<std::int64_t>(b));
    const auto length = static_cast<std::int64_t>(prompt.tokens.size());
    if (!prompt.answers.empty()) {
      const std::vector<std::int64_t> ids(prompt.answers.begin(), prompt.answers.end());
      const Tensor last = at::log_softmax(row.select(0, length - 1), -1, at::kDouble);
      values.push_back(
          last.index_select(0, index_tensor(ids, last.device())).exp().sum().log().item<double>());
      continue;
    }
    const std::int64_t from = first_scored(probe, prompt);
    const std::vector<std::int64_t> next(prompt.tokens.begin() + from, prompt.tokens.end());
    const Tensor log_p = at::log_softmax(row.narrow(0, from - 1, length - from), -1, at::kFloat);
    const Tensor ids = index_tensor(next, log_p.device()).unsqueeze(1);
    values.push_back(log_p.gather(1, ids).mean().item<double>());
  }
  return values;
}

// Runs the prompts, those of one length together: a value each, in their order.
std::vector<double> run(const Model& model,
                        const Probe& probe,
                        const std::vector<ProbePrompt>& prompts,
                        Tap& tap) {
  std::vector<double> values(prompts.size());
  const BatchPlanOptions plan{.most_tokens = kTokensWithLogits, .padding = Padding::none};
  for (const auto& rows : plan_batches(lengths_of(prompts), plan)) {
    std::vector<ProbePrompt> together;
    std::vector<std::vector<std::int32_t>> tokens;
    for (const std::size_t row : rows) {
      together.push_back(prompts[row]);
      tokens.push_back(prompts[row].tokens);
    }
    const Tensor logits = model.forward(Batch(tokens), tap).logits;
    const std::vector<double> found = log_probabilities(probe, together, logits);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      values[rows[i]] = found[i];
    }
  }
  return values;
}

std::vector<double> confirm_differences(const std::vector<double>& after,
                                        const std::vector<double>& before) {
  std::vector<double> result(after.size());
  std::transform(after.begin(), after.end(), before.begin(), result.begin(), std::minus<>());
  return result;
}

}  // namespace

std::string behaviour_name(const Probe& probe) {
  switch (probe.kind) {
    case Probe::repeated:
      return "log-probability of repeated random tokens";
    case Probe::text:
    case Probe::document:
      return "log-probability of text";
    case Probe::random:
    case Probe::identical:
    case Probe::task:
    case Probe::file:
      break;
  }
  return "log-probability of the answers of " + to_string(probe);
}

std::vector<HeadId> matched_random(const std::vector<HeadId>& heads,
                                   const std::vector<HeadId>& avoid,
                                   const HeadGrid& grid,
                                   std::uint64_t seed) {
  Random random(seed, "matched random heads");
  std::vector<HeadId> drawn;
  const auto pick = [&](auto allowed) {
    std::vector<HeadId> pool = grid.heads();
    std::erase_if(pool, [&](const HeadId& head) {
      return contains(heads, head) || contains(drawn, head) || !allowed(head);
    });
    if (!pool.empty()) {
      drawn.push_back(random.pick(pool));
    }
    return !pool.empty();
  };
  for (const HeadId& head : heads) {
    const auto same_layer = [&](const HeadId& other) { return other.layer == head.layer; };
    const auto free = [&](const HeadId& other) { return !contains(avoid, other); };
    pick([&](const HeadId& other) { return same_layer(other) && free(other); }) || pick(free) ||
        pick(same_layer) || pick([](const HeadId&) { return true; });
  }
  return drawn;
}

const Confirmer::Behaviour& Confirmer::behaviour(const Probe& probe) {
  const auto known = behaviours_.find(probe);
  if (known != behaviours_.end()) {
    return known->second;
  }
  Behaviour made;
  made.prompts = make_probe(probe, model_, options_.seed + kOtherPrompts);
  for (ProbePrompt& prompt : made.prompts) {
    if (probe.kind == Probe::repeated) {
      prompt.tokens.resize(1 + 2 * kPeriod);  // later copies show nothing new
    }
  }
  MeanValues tap({Site::z}, MeanValues::Over::positions);
  made.intact = run(model_, probe, made.prompts, tap);
  for (int layer = 0; layer < model_.config().n_layers; ++layer) {
    made.means.push_back(tap.mean(Site::z, layer).to(to_torch(model_.dtype())));
  }
  return behaviours_.emplace(probe, std::move(made)).first->second;
}

std::vector<double> Confirmer::change(const Probe& probe, const std::vector<HeadId>& heads) {
  const Behaviour& known = behaviour(probe);
  Edits tap = mean_ablation(heads, known.means);
  return confirm_differences(run(model_, probe, known.prompts, tap), known.intact);
}

Confirmation Confirmer::confirm(const Detection& detection) {
  if (!detection.detector.behaviour) {
    throw UsageError("{}: no behaviour to confirm it by", detection.detector.name);
  }
  const Probe probe = *detection.detector.behaviour;
  const auto role = detection.with_role();
  if (role.empty()) {
    throw UsageError("{}: no head has the role, so there is nothing to confirm",
                     detection.detector.name);
  }
  Confirmation result{.detector = detection.detector.name, .behaviour = behaviour_name(probe)};
  result.asked = {options_.heads, options_.draws, options_.seed};
  result.heads.assign(
      role.begin(),
      role.begin() + static_cast<std::ptrdiff_t>(std::min(options_.heads, role.size())));
  result.intact = mean_of(behaviour(probe).intact);
  const std::vector<double> together = change(probe, result.heads);
  const Summary summary = summarize(together, {.seed = options_.seed});
  result.ablated = result.intact + summary.mean;
  result.low = summary.low;
  result.high = summary.high;
  for (const HeadId& head : result.heads) {
    if (stopped()) {
      return result;
    }
    result.single.push_back(result.heads.size() == 1 ? summary.mean
                                                     : mean_of(change(probe, {head})));
  }
  compare_with_random(result, probe, role, together);
  return result;
}

// With draws of as many heads of the same layers; `together` is the change that the heads make.
void Confirmer::compare_with_random(Confirmation& result,
                                    const Probe& probe,
                                    const std::vector<HeadId>& role,
                                    const std::vector<double>& together) {
  std::vector<double> beyond = together;  // less the mean of the draws, prompt by prompt
  for (int draw = 0; draw < options_.draws; ++draw) {
    if (stopped()) {
      return;
    }
    const std::uint64_t seed = options_.seed + static_cast<std::uint64_t>(draw);
    const auto random = matched_random(result.heads, role, head_grid(model_.config()), seed);
    if (random.size() < result.heads.size()) {
      result.random.clear();
      return;  // the model has no heads to compare with
    }
    const std::vector<double> changes = change(probe, random);
    result.random.push_back(mean_of(changes));
    for (std::size_t i = 0; i < beyond.size(); ++i) {
      beyond[i] -= changes[i] / static_cast<double>(options_.draws);
    }
  }
  const Summary difference = summarize(beyond, {.seed = options_.seed});
  result.beyond_low = difference.low;
  result.beyond_high = difference.high;
}

std::vector<const Detection*> roles_to_confirm(const Model& model,
                                               const Atlas& atlas,
                                               const ConfirmOptions& options) {
  require_causal(model.config(), "--confirm");
  const Confirmation::Asked asked{options.heads, options.draws, options.seed};
  std::vector<const Detection*> roles;
  for (const Detection& each : atlas.detections) {
    const auto& known = atlas.confirmations;
    const bool done = std::any_of(known.begin(), known.end(), [&](const Confirmation& c) {
      return c.detector == each.detector.name && c.asked == asked;
    });
    if (!done && each.ran() && each.detector.behaviour && !each.with_role().empty()) {
      roles.push_back(&each);
    }
  }
  return roles;
}

bool confirm_roles(const Model& model, Atlas& atlas, const ConfirmOptions& options) {
  const std::vector<const Detection*> roles = roles_to_confirm(model, atlas, options);
  const auto stopped = [&] { return options.stop && options.stop(); };
  Confirmer confirmer(model, options);
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (stopped()) {
      return false;
    }
    if (options.progress) {
      options.progress(roles[i]->detector.name, i, roles.size());
    }
    Confirmation found = confirmer.confirm(*roles[i]);
    if (stopped()) {
      return false;
    }
    std::erase_if(atlas.confirmations,
                  [&](const Confirmation& c) { return c.detector == found.detector; });
    atlas.confirmations.push_back(std::move(found));
    if (options.finished) {
      options.finished();
    }
  }
  return true;
}

}  // namespace headscope
