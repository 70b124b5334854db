#include "analyses/operators/operator_measure.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "analyses/sweep/grid.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

std::string hash_of_prompts(const std::vector<Prompt>& prompts) {
  Hasher hasher;
  for (const Prompt& prompt : prompts) {
    hasher.update(Json(prompt.tokens).dump());
  }
  return hasher.digest();
}

ResultHeader header_of(const OperatorMeasureRun& run, OperatorMeasure measure) {
  const ModelConfig& c = run.model.config();
  ResultHeader header{.kind = "operator",
                      .metric = std::string(info(measure).name),
                      .axes = Grid({.layers = c.n_layers, .heads = c.n_heads}).axes(),
                      .prompt_ids = {},
                      .templates = {},
                      .provenance = run.provenance};
  for (const Prompt& prompt : run.prompts) {
    header.prompt_ids.push_back(prompt.id);
  }
  Json& identity = header.provenance["identity"];
  identity["operator"] = to_string(run.choice);
  identity["prompts_hash"] = hash_of_prompts(run.prompts);
  identity["control"] =
      run.effects.control == OperatorEffectsOptions::Control::random ? "random" : "none";
  identity["execution"] =
      run.effects.execution == OperatorEffectsOptions::Execution::plain ? "plain" : "shared";
  header.provenance["title"] = to_string(run.choice) + " in the place of one head";
  header.provenance["task"] = "text";
  if (!run.choice.kind->untrained.empty()) {
    header.provenance["untrained"] = run.choice.kind->untrained;
    header.provenance["note"] = run.choice.kind->untrained;
  }
  return header;
}

// The files of one measurement.
class MeasureFiles {
 public:
  explicit MeasureFiles(const OperatorMeasureRun& run) : heads_(run.model.config().n_heads) {
    for (const OperatorMeasureInfo& each : kOperatorMeasures) {
      stores_.emplace_back(
          measure_file(run.out, each.measure), header_of(run, each.measure), run.if_exists);
    }
  }

  // Whether a layer of a prompt is in all of them.
  [[nodiscard]] bool done(std::int64_t layer, std::int64_t prompt) const {
    for (const ResultStore& store : stores_) {
      if (!store.done(layer * heads_, prompt)) {
        return false;
      }
    }
    return true;
  }

  // A kill between two files leaves some with the layer and some without.
  void put(std::int64_t layer, std::int64_t prompt, const LayerEffects& effects) {
    for (std::size_t i = 0; i < stores_.size(); ++i) {
      if (stores_[i].done(layer * heads_, prompt)) {
        continue;
      }
      std::vector<ResultStore::Value> values;
      for (std::int64_t head = 0; head < heads_; ++head) {
        values.push_back(
            {layer * heads_ + head, prompt, effects[i][static_cast<std::size_t>(head)]});
      }
      stores_[i].put(values);
    }
  }

  void finish(const std::vector<double>& unchanged_nll) {
    for (std::size_t i = 0; i < stores_.size(); ++i) {
      const bool of_nll = kOperatorMeasures[i].measure == OperatorMeasure::nll ||
                          kOperatorMeasures[i].measure == OperatorMeasure::control_nll;
      const std::vector<double> unchanged =
          of_nll ? unchanged_nll
                 : std::vector<double>(unchanged_nll.size(), kOperatorMeasures[i].unchanged);
      stores_[i].put_baseline(Run::clean, unchanged);
      stores_[i].put_baseline(Run::corrupted, unchanged);
      stores_[i].finish();
    }
  }

  // A kill between two files leaves some without their baselines.
  [[nodiscard]] bool finished() const {
    return std::ranges::all_of(stores_, [](const ResultStore& store) {
      return !store.baseline(Run::clean).empty() && !store.baseline(Run::corrupted).empty();
    });
  }

 private:
  std::vector<ResultStore> stores_;
  std::int64_t heads_;
};

// The layers of one prompt; nothing if it was stopped. Returns its unchanged NLL.
std::optional<double> measure_prompt(const OperatorMeasureRun& run,
                                     std::int64_t prompt,
                                     MeasureFiles& files) {
  const OperatorEffects effects(run.model, run.prompts[static_cast<std::size_t>(prompt)].tokens);
  const std::int64_t layers = run.model.config().n_layers;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    if (run.stop && run.stop()) {
      return std::nullopt;
    }
    if (!files.done(layer, prompt)) {
      files.put(layer, prompt, effects.of_layer(layer, run.choice, run.effects));
    }
    if (run.progress) {
      run.progress(prompt * layers + layer + 1, std::ssize(run.prompts) * layers);
    }
  }
  return effects.unchanged_nll();
}

}  // namespace

std::filesystem::path measure_file(const std::filesystem::path& out, OperatorMeasure measure) {
  if (measure == OperatorMeasure::nll) {
    return out;
  }
  std::filesystem::path file = out;
  const std::string ending = out.extension().string();
  return file.replace_extension("." + std::string(info(measure).name) + ending);
}

bool measure_operator(const OperatorMeasureRun& run) {
  if (run.prompts.empty()) {
    throw UsageError("an operator is measured on texts, and there is none");
  }
  MeasureFiles files(run);
  if (files.finished()) {
    return true;
  }
  std::vector<double> unchanged;
  for (std::int64_t prompt = 0; prompt < std::ssize(run.prompts); ++prompt) {
    const std::optional<double> nll = measure_prompt(run, prompt, files);
    if (!nll) {
      return false;
    }
    unchanged.push_back(*nll);
  }
  files.finish(unchanged);
  return true;
}

OperatorResults read_operator_results(const std::filesystem::path& out) {
  OperatorResults results;
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i] = read_result(measure_file(out, kOperatorMeasures[i].measure));
  }
  return results;
}

}  // namespace headscope
