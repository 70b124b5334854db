#include "analyses/circuit/faithfulness.h"

#include <algorithm>
#include <map>

#include "analyses/metric/summary.h"
#include "analyses/sweep/positions.h"
#include "hooks/edits.h"
#include "lib/base/error.h"
#include "lib/base/mersenne_random.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Where heads keep their own output, of one batch: [B, T, H] bool a layer.
class KeptHeads {
 public:
  KeptHeads(const HeadCircuit& circuit,
            const PromptBatch& batch,
            const std::vector<TaskItem>& items,
            const ModelConfig& config) {
    for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
      masks_.push_back(at::zeros({batch.rows(), batch.columns(), config.n_heads}, at::kBool));
    }
    for (const HeadClass& each : circuit.classes) {
      const Tensor columns = chosen_columns({each.at}, batch, items);
      for (const HeadId& head : each.heads) {
        masks_.at(static_cast<std::size_t>(head.layer)).select(2, head.head).logical_or_(columns);
      }
    }
  }

  [[nodiscard]] const Tensor& of(int layer) const {
    return masks_.at(static_cast<std::size_t>(layer));
  }

 private:
  std::vector<Tensor> masks_;
};

// Values of a batch's rows, to their places among the items.
void put(const std::vector<double>& scored, const PromptBatch& batch, std::vector<double>& values) {
  for (std::size_t row = 0; row < scored.size(); ++row) {
    values[static_cast<std::size_t>(batch.items[row])] = scored[row];
  }
}

// z of what is kept, means in place of the rest.
Edits mean_ablation_but(const KeptHeads& heads, Kept kept, const Replacement& mean) {
  Edits edits;
  edits.at("blocks.*.attn.hook_z").apply([&heads, kept, mean](const Visit& visit, const Tensor& z) {
    const Tensor in_circuit = heads.of(visit.point.layer).to(z.device()).unsqueeze(-1);
    const Tensor instead = mean(Site::z, visit.point.layer, z);
    switch (kept) {
      case Kept::circuit:
        return at::where(in_circuit, z, instead);
      case Kept::complement:
        return at::where(in_circuit, instead, z);
      case Kept::nothing:
        return instead;
      case Kept::model:
        break;
    }
    return z;
  });
  return edits;
}

}  // namespace

std::optional<double> share_of(const std::vector<double>& part, const std::vector<double>& whole) {
  const Summary summary = summarize(whole, {.resamples = 1});
  const double noise = whole.size() < 2 ? 0.0 : 2 * summary.standard_error;
  if (!(summary.mean > noise) || summary.mean < 1e-6) {
    return std::nullopt;
  }
  return mean_of(part) / summary.mean;
}

std::optional<double> faithfulness(const FaithfulnessResult& result) {
  return share_of(result.circuit, result.model);
}

std::optional<double> faithfulness_above_nothing(const FaithfulnessResult& result) {
  const auto scale = normal_scale(result.model, result.nothing);
  return scale ? std::optional((*scale)(mean_of(result.circuit))) : std::nullopt;
}

CircuitEvaluator::CircuitEvaluator(const Model& model, const Task& task, const Metric& metric)
    : model_(model),
      task_(task),
      scoring_(metric, task.items, model),
      mean_(model, task.items, Run::corrupted, {Site::z}),
      batches_(prompt_batches(task.items, kTokensAtOnce)) {
  unchanged_.resize(task.items.size());
  for (const PromptBatch& batch : batches_) {
    const ForwardOptions last{.logits = Logits::last, .vocab = scoring_.vocab()};
    const Tensor logits = model.forward(batch.clean, last).logits;
    put(scoring_.values(logits, batch.items, logits), batch, unchanged_);
    clean_.push_back(metric.needs_clean ? logits : Tensor());
  }
}

std::vector<double> CircuitEvaluator::metric_with(const HeadCircuit& circuit, Kept kept) const {
  return kept == Kept::model ? unchanged_ : ablated(circuit, kept);
}

std::vector<double> CircuitEvaluator::ablated(const HeadCircuit& circuit, Kept kept) const {
  std::vector<double> values(task_.items.size());
  for (std::size_t i = 0; i < batches_.size(); ++i) {
    const PromptBatch& batch = batches_[i];
    const KeptHeads heads(circuit, batch, task_.items, model_.config());
    Edits ablation = mean_ablation_but(heads, kept, mean_.of_items(batch.items));
    const ForwardOptions last{.logits = Logits::last, .vocab = scoring_.vocab()};
    const Tensor logits = model_.forward(batch.clean, ablation, last).logits;
    put(scoring_.values(logits, batch.items, clean_[i]), batch, values);
  }
  return values;
}

FaithfulnessResult CircuitEvaluator::run(const HeadCircuit& circuit) const {
  return {metric_with(circuit, Kept::model),
          metric_with(circuit, Kept::circuit),
          metric_with(circuit, Kept::complement),
          metric_with(circuit, Kept::nothing)};
}

Task with_partners(Task task) {
  std::map<std::pair<std::string, std::int64_t>, int> count;
  for (const TaskItem& item : task.items) {
    ++count[{item.template_name, item.length()}];
  }
  std::erase_if(task.items, [&](const TaskItem& item) {
    return count[{item.template_name, item.length()}] < 2;
  });
  if (task.items.empty()) {
    throw UsageError("{}: no two items have one template and length; make more items", task.name);
  }
  return task;
}

HeadCircuit random_circuit(const HeadCircuit& circuit,
                           const ModelConfig& config,
                           std::uint64_t seed) {
  const std::vector<HeadId> taken = circuit.heads();
  std::vector<HeadId> free = head_grid(config).heads();
  std::erase_if(free, [&](const HeadId& head) {
    return std::find(taken.begin(), taken.end(), head) != taken.end();
  });
  MersenneRandom random(seed);
  HeadCircuit drawn = circuit;
  for (HeadClass& each : drawn.classes) {
    each.effects.clear();  // of other heads
    for (HeadId& head : each.heads) {
      if (free.empty()) {
        throw UsageError("the circuit has so many heads that no random ones are left to compare");
      }
      const auto at = static_cast<std::ptrdiff_t>(random.below(free.size()));
      head = free[static_cast<std::size_t>(at)];
      free.erase(free.begin() + at);
    }
  }
  return drawn;
}

}  // namespace headscope
