#include "cli/reproduce_view.h"

#include <fmt/format.h>

#include "cli/output.h"

namespace headscope {
namespace {

std::string whether_it_does(const Reproduced& result) {
  const double ahead = result.ahead.mean;
  if (!does_the_task(result)) {
    return fmt::format(
        "The model cannot do this task: its {} is not clearly different from zero on these "
        "prompts. "
        "What follows says which heads move it; it is no circuit that does the task.",
        result.what->metric);
  }
  return fmt::format(
      "The model puts the right answer ahead of the wrong one in {:.0f} % of the "
      "prompts{}.",
      100 * ahead,
      ahead < 0.75 ? ": it does this task in part" : "");
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
  if (!does_the_task(result)) {
    return text;
  }
  if (result.tests.empty() || result.found.circuit.heads().empty()) {
    return text + " No head's paths changed it enough to count.";
  }
  const Summary tests = summarize(faithfulness_by_test(result));
  const Summary random = summarize(result.random);
  return text + fmt::format(
                    " {} heads were found; with every other head mean-ablated they keep {:.0f} % "
                    "of the {} on prompts they were not found on [{:.0f}, {:.0f}], where as many "
                    "random heads keep {:.0f} %.",
                    result.found.circuit.heads().size(),
                    100 * tests.mean,
                    result.what->metric,
                    100 * tests.low,
                    100 * tests.high,
                    100 * random.mean);
}

std::string reproduction_text(const Reproduced& result, const ModelConfig& config) {
  std::string text = fmt::format("{} ({})\n{}\n\n{}\n{}\n{}",
                                 result.what->title,
                                 result.what->source,
                                 verdict(result),
                                 numbers_table(result).text(),
                                 circuit_table(result, config).text(),
                                 result.tests.empty() ? "" : tests_table(result).text());
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
