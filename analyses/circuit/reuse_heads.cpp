// Whose attention is set, and on which prompts.
#include <algorithm>
#include <cmath>

#include "analyses/circuit/component_reuse.h"
#include "analyses/circuit/reproduce.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kInhibitionHeads = 3;  // as many as were published of each kind
constexpr std::size_t kNegativeHeads = 1;
constexpr std::size_t kMoverHeads = 5;

ReuseHeads published_for_gpt2_medium() {
  return {.inhibition = {{12, 3}, {13, 4}, {13, 13}},
          .negative = {{19, 1}},
          .movers = find_reproduction("colored-objects").published.classes.front().heads,
          .origin = "published for GPT-2 medium"};
}

// The heads of a class of the largest effects.
std::vector<HeadId> strongest_of(const HeadCircuit& circuit,
                                 const std::string& name,
                                 std::size_t count) {
  const HeadClass* found = circuit.find(name);
  if (found == nullptr) {
    return {};
  }
  std::vector<HeadId> heads = found->heads;
  std::stable_sort(heads.begin(), heads.end(), [&](const HeadId& a, const HeadId& b) {
    return std::abs(found->effects.at(a).mean) > std::abs(found->effects.at(b).mean);
  });
  heads.resize(std::min(heads.size(), count));
  return heads;
}

HeadCircuit found_circuit(const Model& model,
                          const std::string& name,
                          std::size_t stages,
                          const ReuseOptions& options) {
  const Reproduction& what = find_reproduction(name);
  DiscoveryOptions discovery{
      .stages = {what.stages.begin(), what.stages.begin() + static_cast<std::ptrdiff_t>(stages)},
      .metric = &find_metric(what.metric),
      .memory = options.memory,
      .seed = options.seed};
  discovery.stop = options.stop;
  if (options.progress) {
    discovery.progress = [&](const DiscoveryStage& stage, const SweepProgress& progress) {
      options.progress(
          fmt::format("{}: {} heads", name, stage.name),
          0.4 * static_cast<double>(progress.done) / static_cast<double>(progress.total));
    };
  }
  const Task prompts =
      task_of_circuit(model.tokenizer(), what, options.discovery_items, options.seed);
  return discover(model, prompts, discovery).circuit;
}

void check_heads(const std::vector<HeadId>& heads, const ModelConfig& config) {
  for (const HeadId& head : heads) {
    if (!HeadGrid{config.n_layers, config.n_heads}.contains(head)) {
      throw UsageError("head {}: the model has {} layers of {} heads",
                       to_string(head),
                       config.n_layers,
                       config.n_heads);
    }
  }
}

}  // namespace

Task reuse_prompts(const Tokenizer& tokenizer, const ReuseOptions& options) {
  return task_of_circuit(
      tokenizer, find_reproduction("colored-objects"), options.items, options.seed + 1);
}

std::vector<HeadId> ReuseHeads::set() const {
  std::vector<HeadId> all = inhibition;
  all.insert(all.end(), negative.begin(), negative.end());
  return all;
}

ReuseHeads reuse_heads(const Model& model, const ReuseOptions& options) {
  ReuseHeads heads;
  const bool published =
      is_published_model(find_reproduction("colored-objects").published, model.config());
  if (published) {
    heads = published_for_gpt2_medium();
  }
  if (!options.heads.empty()) {
    heads.inhibition = options.heads;
    heads.negative.clear();
    heads.origin = "given";
  } else if (!published) {
    const HeadCircuit ioi = found_circuit(model, "ioi", 2, options);
    heads.inhibition = strongest_of(ioi, "S-inhibition", kInhibitionHeads);
    heads.negative = strongest_of(ioi, "negative mover", kNegativeHeads);
    heads.origin = "found by path patching on IOI";
  }
  if (!options.movers.empty()) {
    heads.movers = options.movers;
  } else if (!published) {
    heads.movers =
        strongest_of(found_circuit(model, "colored-objects", 1, options), "mover", kMoverHeads);
  }
  std::erase_if(heads.movers, [set = heads.set()](const HeadId& head) {
    return std::find(set.begin(), set.end(), head) != set.end();
  });
  check_heads(heads.set(), model.config());
  check_heads(heads.movers, model.config());
  return heads;
}

void check_component_reuse(const Tokenizer& tokenizer, const ReuseOptions& options) {
  reuse_prompts(tokenizer, options);
  for (const std::string name : {"ioi", "colored-objects"}) {
    task_of_circuit(tokenizer, find_reproduction(name), options.discovery_items, options.seed);
  }
}

}  // namespace headscope
