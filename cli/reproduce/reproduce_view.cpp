#include "cli/reproduce/reproduce_view.h"

#include <fmt/format.h>

#include "cli/output.h"

namespace headscope {
namespace {

std::string whether_it_does(const Reproduced& result) {
  const double ahead = result.ahead.mean;
  switch (ability_of(result)) {
    case Ability::unclear:
      return fmt::format(
          "The model cannot do this task: its {} is not clearly different from zero on these "
          "prompts. What follows says which heads move it; it is no circuit that does the task.",
          result.what->metric);
    case Ability::does_the_opposite:
      return fmt::format(
          "The model does the opposite of this task: its {} is clearly below zero, and it prefers "
          "a "
          "wrong answer. What follows says which heads move it; it is no circuit that does the "
          "task.",
          result.what->metric);
    case Ability::does:
      break;
  }
  return fmt::format(
      "The model puts the right answer ahead of every wrong one in {:.0f} % of the "
      "prompts{}.",
      100 * ahead,
      ahead < 0.75 ? ": it does this task in part" : "");
}

std::string interval_of(const std::vector<double>& values) {
  if (values.size() < 2) {
    return "";
  }
  const Summary summary = summarize(values);
  return fmt::format(" [{:.0f}, {:.0f}]", 100 * summary.low, 100 * summary.high);
}

}  // namespace

HeatMap stage_map(const Reproduced& result,
                  const StageResult& stage,
                  const ModelConfig& config,
                  const std::string& model) {
  HeatMap map;
  const std::string end =
      stage.stage.into.empty()
          ? "the logits"
          : fmt::format("the {} of {} heads", stage.stage.input, stage.stage.into);
  map.title = fmt::format("{} · paths from each head to {}", model, end);
  map.subtitle = fmt::format("{}, {} prompts · change of {} (clean {:.3f}) without them",
                             result.what->task,
                             result.task.items.size(),
                             result.what->metric,
                             result.clean.mean);
  map.rows = config.n_layers;
  map.cols = config.n_heads;
  for (const Summary& effect : stage.effects) {
    map.values.push_back(static_cast<float>(effect.mean));
  }
  for (std::int64_t layer = 0; layer < map.rows; ++layer) {
    map.row_labels.push_back(std::to_string(layer));
  }
  for (std::int64_t head = 0; head < map.cols; ++head) {
    map.col_labels.push_back(std::to_string(head));
  }
  map.row_axis = "layer";
  map.col_axis = "head";
  map.value_name = "effect";
  map.color_map = ColorMap::diverging;
  return map;
}

std::string verdict(const Reproduced& result) {
  const std::string text = whether_it_does(result);
  const std::size_t heads = result.found.circuit.heads().size();
  const std::vector<double> tests = faithfulness_by_test(result);
  if (ability_of(result) != Ability::does || tests.empty()) {
    return text;
  }
  if (heads == 0) {
    return text + " No head's paths changed it enough to count.";
  }
  const std::string random =
      result.random.empty()
          ? ""
          : fmt::format(", where as many random heads keep {:.0f} %", 100 * mean_of(result.random));
  return text + fmt::format(
                    " {} heads were found; with every other head mean-ablated they keep {:.0f} %{} "
                    "of the {} on prompts they were not found on{}.",
                    heads,
                    100 * mean_of(tests),
                    interval_of(tests),
                    result.what->metric,
                    random);
}

std::string reproduction_text(const Reproduced& result, const ModelConfig& config) {
  std::string text = fmt::format("{} ({})\n{}\n\n{}\n{}\n{}",
                                 result.what->title,
                                 result.what->source,
                                 verdict(result),
                                 numbers_table(result).text(),
                                 circuit_table(result, config).text(),
                                 result.tests.empty() ? "" : tests_table(result).text());
  if (is_published_model(result.what->published, config)) {
    text += "\n" + published_table(result).text();
  }
  if (!result.copying.empty()) {
    text += "\ntokens copied through W_OV, share in the top 5\n" + copying_table(result).text();
  }
  return text;
}

OrderedJson reproduction_json(const Reproduced& result, const ModelConfig& config) {
  OrderedJson json{{"name", result.what->name},
                   {"source", result.what->source},
                   {"task", result.what->task},
                   {"task_hash", result.task.hash},
                   {"prompts", result.task.items.size()},
                   {"metric", result.what->metric},
                   {"verdict", verdict(result)},
                   {"numbers", numbers_table(result).json()},
                   {"circuit", circuit_table(result, config).json()},
                   {"tests", tests_table(result).json()},
                   {"random_faithfulness", result.random}};
  if (!result.copying.empty()) {
    json["copying"] = copying_table(result).json();
  }
  OrderedJson hashes = OrderedJson::array();
  for (const CircuitTest& test : result.tests) {
    hashes.push_back(test.task_hash);
  }
  json["test_hashes"] = std::move(hashes);
  for (const AttentionTable& attention : result.attention) {
    json["attention"][attention.heads.name] = attention_table(result, attention).json();
  }
  for (const StageResult& stage : result.found.stages) {
    OrderedJson effects = OrderedJson::array();
    for (const Summary& effect : stage.effects) {
      effects.push_back(effect.mean);
    }
    json["effects"][stage.stage.name] = std::move(effects);
  }
  return json;
}

}  // namespace headscope
