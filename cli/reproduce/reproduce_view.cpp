#include "cli/reproduce/reproduce_view.h"

#include <fmt/format.h>

#include "cli/output.h"
#include "cli/render/head_map.h"
#include "lib/base/counted.h"
#include "lib/base/json.h"

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

// The table's rows, with heads as numbers and the other classes as a list.
OrderedJson circuit_json(const Reproduced& result, const ModelConfig& config) {
  OrderedJson rows = circuit_table(result, config).json();
  std::size_t row = 0;
  for (const HeadClass& heads : result.classed.classes) {
    for (const HeadId& head : heads.heads) {
      OrderedJson entry = head_json(head);
      rows[row].erase("head");
      entry.update(rows[row]);
      entry["also"] = other_classes(result.classed, heads, head);
      rows[row++] = std::move(entry);
    }
  }
  return rows;
}

OrderedJson copying_json(const Reproduced& result) {
  const auto with_scores = [](OrderedJson json, const CopyScore& score) {
    json["copies"] = score.copies;
    json["suppresses"] = score.suppresses;
    return json;
  };
  OrderedJson json{{"heads", OrderedJson::array()}};
  for (std::size_t i = 0; i < result.copying.size(); ++i) {
    json["heads"].push_back(with_scores(head_json(result.copiers[i]), result.copying[i]));
  }
  json["average_head"] = with_scores(OrderedJson::object(), result.average_copying);
  return json;
}

// [{"layer": 23, "head": 0, "to": {"IO": 0.58, …}}, …]
OrderedJson attention_json(const Reproduced& result, const AttentionTable& attention) {
  OrderedJson rows = OrderedJson::array();
  for (std::size_t i = 0; i < attention.to.size(); ++i) {
    OrderedJson row = head_json(attention.heads.heads[i]);
    for (std::size_t span = 0; span < attention.to[i].size(); ++span) {
      row["to"][result.what->looks_at[span]] = attention.to[i][span];
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string interval_of(const std::vector<double>& values) {
  if (values.size() < 2) {
    return "";
  }
  const Summary summary = summarize(values);
  return fmt::format(" [{:.0f}, {:.0f}]", 100 * summary.low, 100 * summary.high);
}

}  // namespace

HeatMap stage_map(const Reproduced& result, const StageResult& stage, const std::string& model) {
  HeadScores effects(stage.effects.grid, std::vector<double>());
  for (const Summary& effect : stage.effects.values) {
    effects.values.push_back(effect.mean);
  }
  HeatMap map = head_map(effects);
  const std::string end =
      stage.stage.into.empty()
          ? "the logits"
          : fmt::format("the {} of {} heads", to_string(stage.stage.input), stage.stage.into);
  map.title = fmt::format("{} · paths from each head to {}", model, end);
  map.subtitle = fmt::format("{}, {} · change of {} (clean {:.3f}) without them",
                             result.what->task,
                             counted(result.task.items.size(), "prompt"),
                             result.what->metric,
                             result.clean.mean);
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
                    " {} found; with every other head mean-ablated they keep {:.0f} %{} "
                    "of the {} on prompts they were not found on{}.",
                    heads == 1 ? "1 head was" : fmt::format("{} heads were", heads),
                    100 * mean_of(tests),
                    interval_of(tests),
                    result.what->metric,
                    random);
}

OrderedJson overlap_json(const std::vector<Reproduced>& results) {
  OrderedJson rows = overlap_table(results).json();
  std::size_t row = 0;
  for (std::size_t a = 0; a < results.size(); ++a) {
    for (std::size_t b = a + 1; b < results.size(); ++b) {
      OrderedJson places = OrderedJson::array();
      for (const HeadId& head :
           overlap_of(results[a].found.circuit, results[b].found.circuit).shared) {
        places.push_back(head_json(head));
      }
      rows[row++]["which"] = std::move(places);
    }
  }
  return rows;
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
                   {"circuit", circuit_json(result, config)},
                   {"tests", tests_table(result).json()},
                   {"random_faithfulness", result.random}};
  if (!result.copying.empty()) {
    json["copying"] = copying_json(result);
  }
  json["edges"] = OrderedJson::array();
  for (const Edge& edge : edges_of(result.found)) {
    json["edges"].push_back(edge_json(edge));
  }
  OrderedJson hashes = OrderedJson::array();
  for (const CircuitTest& test : result.tests) {
    hashes.push_back(test.task_hash);
  }
  json["test_hashes"] = std::move(hashes);
  for (const AttentionTable& attention : result.attention) {
    json["attention"][attention.heads.name] = attention_json(result, attention);
  }
  for (const StageResult& stage : result.found.stages) {
    OrderedJson effects = OrderedJson::array();
    for (const Summary& effect : stage.effects.values) {
      effects.push_back(effect.mean);
    }
    json["effects"][stage.stage.name] = std::move(effects);
  }
  return json;
}

}  // namespace headscope
