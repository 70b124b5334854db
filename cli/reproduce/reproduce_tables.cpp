#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analyses/metric/summary.h"
#include "cli/reproduce/reproduce_view.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

bool was_published(const Reproduced& result, const HeadClass& heads, const HeadId& head) {
  for (const PublishedCircuit::Class& known : result.what->published.classes) {
    if (known.name == heads.name &&
        std::find(known.heads.begin(), known.heads.end(), head) != known.heads.end()) {
      return true;
    }
  }
  return false;
}

std::string also(const Reproduced& result, const HeadClass& heads, const HeadId& head) {
  return fmt::format("{}", fmt::join(other_classes(result.classed, heads, head), ", "));
}

OrderedJson number(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

}  // namespace

Table circuit_table(const Reproduced& result, const ModelConfig& config) {
  const bool comparable = is_published_model(result.what->published, config);
  std::vector<Table::Column> columns{
      {"class"}, {"at"}, {"head"}, {"effect"}, {"95 % low"}, {"95 % high"}, {"also"}};
  if (comparable) {
    columns.push_back({"published"});
  }
  Table table(columns);
  for (const HeadClass& heads : result.classed.classes) {
    for (const HeadId& head : heads.heads) {
      const Summary& effect = heads.effects.at(head);
      std::vector<OrderedJson> row{heads.name,
                                   heads.at,
                                   to_string(head),
                                   effect.mean,
                                   cell_of(effect.low),
                                   cell_of(effect.high),
                                   also(result, heads, head)};
      if (comparable) {
        row.emplace_back(was_published(result, heads, head));
      }
      table.row(std::move(row));
    }
  }
  return table;
}

Table copying_table(const Reproduced& result) {
  Table table({{"head"}, {"copies"}, {"suppresses"}});
  for (std::size_t i = 0; i < result.copying.size(); ++i) {
    table.row(
        {to_string(result.copiers[i]), result.copying[i].copies, result.copying[i].suppresses});
  }
  table.row({"average head", result.average_copying.copies, result.average_copying.suppresses});
  return table;
}

Table attention_table(const Reproduced& result, const AttentionTable& attention) {
  std::vector<Table::Column> columns{{"head"}};
  for (const std::string& span : result.what->looks_at) {
    columns.push_back({span});
  }
  Table table(columns);
  for (std::size_t i = 0; i < attention.to.size(); ++i) {
    std::vector<OrderedJson> row{to_string(attention.heads.heads[i])};
    row.insert(row.end(), attention.to[i].begin(), attention.to[i].end());
    table.row(std::move(row));
  }
  return table;
}

Table tests_table(const Reproduced& result) {
  Table table({{"prompts of seed", 3, "seed"},
               {"prompts"},
               {"model"},
               {"circuit"},
               {"without it"},
               {"no head"},
               {"faithfulness"}});
  for (const CircuitTest& test : result.tests) {
    table.row({test.seed,
               test.templates.size(),
               mean_of(test.metric.model),
               mean_of(test.metric.circuit),
               mean_of(test.metric.complement),
               mean_of(test.metric.nothing),
               number(faithfulness(test.metric))});
  }
  return table;
}

Table published_table(const Reproduced& result) {
  Table table({{fmt::format("published, {}", result.what->published.model)}, {"value"}});
  for (const PublishedCircuit::Number& known : result.what->published.numbers) {
    table.row({known.what, known.value});
  }
  return table;
}

Table numbers_table(const Reproduced& result) {
  Table table({{"what"}, {"mean"}, {"95 % low"}, {"95 % high"}});
  const auto row = [&](const std::string& name, const Summary& summary) {
    table.row({name, summary.mean, cell_of(summary.low), cell_of(summary.high)});
  };
  const auto means = [&](const std::string& name, const std::vector<double>& values) {
    if (!values.empty()) {
      row(name, summarize(values));
    }
  };
  row(fmt::format("{}, clean", result.what->metric), result.clean);
  row(fmt::format("{}, corrupted", result.what->metric), result.corrupted);
  row("right answer ahead of every wrong one", result.ahead);
  row("right answer likeliest of all", result.accuracy);
  means("faithfulness, over tests", faithfulness_by_test(result));
  means("faithfulness, over templates", faithfulness_by_template(result));
  means("the same of random circuits", result.random);
  return table;
}

Table overlap_table(const std::vector<Reproduced>& results) {
  Table table({{"circuit"},
               {"other"},
               {"heads"},
               {"its heads", 3, "other_heads"},
               {"shared"},
               {"Jaccard"},
               {"which"}});
  for (std::size_t a = 0; a < results.size(); ++a) {
    for (std::size_t b = a + 1; b < results.size(); ++b) {
      const Overlap overlap = overlap_of(results[a].found.circuit, results[b].found.circuit);
      std::string names;
      for (const HeadId& head : overlap.shared) {
        names += fmt::format("{}{}", names.empty() ? "" : " ", to_string(head));
      }
      table.row({results[a].what->name,
                 results[b].what->name,
                 overlap.first,
                 overlap.second,
                 overlap.shared.size(),
                 overlap.jaccard(),
                 names});
    }
  }
  return table;
}

}  // namespace headscope
