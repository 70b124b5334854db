#include "cli/reproduce/study_view.h"

#include <fmt/format.h>

#include "cli/render/dot_chart.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

Table table_of_study(const StudyTable& from) {
  std::vector<Table::Column> columns;
  for (const std::string& name : from.columns) {
    columns.push_back({name});
  }
  Table table(columns);
  for (const auto& row : from.rows) {
    table.row(row);
  }
  return table;
}

// A panel a curve.
DotChart chart_of(const StudyCurves& curves) {
  DotChart chart{.title = curves.caption, .x_axis = curves.x_axis, .panels = {}};
  for (const StudyCurves::Curve& curve : curves.curves) {
    DotChart::Panel panel{.y_axis = curve.name, .dots = {}};
    for (const auto& [x, y] : curve.points) {
      panel.dots.push_back({.x = x, .y = y});
    }
    if (!panel.dots.empty()) {
      chart.panels.push_back(std::move(panel));
    }
  }
  return chart;
}

OrderedJson curves_json(const StudyCurves& from) {
  OrderedJson curves = OrderedJson::array();
  for (const StudyCurves::Curve& curve : from.curves) {
    curves.push_back({{"name", curve.name}, {"points", curve.points}});
  }
  return {{"caption", from.caption}, {"x", from.x_axis}, {"curves", curves}};
}

}  // namespace

std::string study_text(const StudyAnswer& answer) {
  std::string text =
      fmt::format("{} ({})\n{}\n", answer.what->title, answer.what->source, answer.result.verdict);
  for (const auto* tables : {&answer.result.tables, &answer.what->published}) {
    for (const StudyTable& each : *tables) {
      text += fmt::format("\n{}\n{}", each.caption, table_of_study(each).text());
    }
  }
  return text;
}

OrderedJson study_json(const StudyAnswer& answer) {
  OrderedJson json{{"name", answer.what->name},
                   {"title", answer.what->title},
                   {"source", answer.what->source},
                   {"verdict", answer.result.verdict}};
  for (const StudyTable& each : answer.result.tables) {
    json[each.key] = table_of_study(each).json();
  }
  for (const StudyTable& each : answer.what->published) {
    json[each.key] = table_of_study(each).json();
  }
  json["curves"] = OrderedJson::array();
  for (const StudyCurves& each : answer.result.curves) {
    json["curves"].push_back(curves_json(each));
  }
  return json;
}

void add_study(Report& report, const StudyAnswer& answer) {
  report.text(fmt::format(
      "## {}\n*{}*\n\n{}", answer.what->title, answer.what->source, answer.result.verdict));
  for (const StudyCurves& each : answer.result.curves) {
    const DotChart chart = chart_of(each);
    if (!chart.panels.empty()) {
      report.figure(to_svg(chart), each.caption + ".");
    }
  }
  for (const auto* tables : {&answer.result.tables, &answer.what->published}) {
    for (const StudyTable& each : *tables) {
      report.table(table_of_study(each), each.caption);
    }
  }
}

}  // namespace headscope
