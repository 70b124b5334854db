#include "cli/reproduce/head_reproduction_view.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cli/atlas/atlas_view.h"
#include "cli/render/head_map.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

OrderedJson measured(const HeadResult& result, const std::string& quantity) {
  const auto found = std::find_if(result.measured.begin(),
                                  result.measured.end(),
                                  [&](const Measured& m) { return m.quantity == quantity; });
  return found == result.measured.end() || quantity.empty() ? OrderedJson()
                                                            : OrderedJson(found->value);
}

Table table_of(const ResultTable& from) {
  std::vector<Table::Column> columns;
  for (const std::string& name : from.columns) {
    columns.push_back({name, 1});
  }
  Table table(columns);
  for (const auto& row : from.rows) {
    table.row(row);
  }
  return table;
}

HeatMap score_map(const Detection& d, const Model& model) {
  HeatMap map = head_map(d.score);
  map.title = d.detector.name;
  map.subtitle = model.source().name;
  map.value_name = "score";
  map.color_map = *std::min_element(d.score.values.begin(), d.score.values.end()) < -1e-6
                      ? ColorMap::diverging
                      : ColorMap::light;
  return map;
}

}  // namespace

Table published_numbers_table(const HeadResult& result, const Model& model) {
  Table table({{"quantity"},
               {"published for"},
               {"published"},
               {"that model here"},
               {model.source().name, 3, "this_model"}});
  for (const PublishedNumber& number : result.what->numbers) {
    const OrderedJson here = measured(result, number.quantity);
    const bool same = is_published_model(number, model.config());
    table.row({number.what,
               number.model,
               number.published,
               same ? here : OrderedJson("weights not here"),
               same ? OrderedJson() : here});
  }
  return table;
}

std::string head_result_text(const HeadResult& result, const Model& model) {
  std::string text = fmt::format("{}\n{}\n\n", result.what->title, result.what->source);
  text += atlas_text(result.atlas, 5) + "\n" + published_numbers_table(result, model).text();
  for (const ResultTable& each : result.tables) {
    text += "\n" + each.caption + "\n" + table_of(each).text();
  }
  return text;
}

OrderedJson head_result_json(const HeadResult& result, const Model& model) {
  OrderedJson json{
      {"name", result.what->name}, {"title", result.what->title}, {"source", result.what->source}};
  const OrderedJson atlas = atlas_json(result.atlas, 10);
  json["detectors"] = atlas.at("detectors");
  json["confirmations"] = atlas.at("confirmations");
  json["published"] = published_numbers_table(result, model).json();
  json["measured"] = OrderedJson::object();
  for (const Measured& each : result.measured) {
    json["measured"][each.quantity] = each.value;
  }
  json["tables"] = OrderedJson::array();
  for (const ResultTable& each : result.tables) {
    json["tables"].push_back({{"caption", each.caption}, {"rows", table_of(each).json()}});
  }
  return json;
}

void add_head_result(Report& report, const HeadResult& result, const Model& model) {
  report.text(fmt::format("## {}\n*{}*", result.what->title, result.what->source));
  report.table(atlas_table(result.atlas, 5), "What the detectors found: the highest heads.");
  std::vector<Report::Figure> maps;
  for (const Detection& each : result.atlas.detections) {
    if (!each.ran()) {
      report.text(each.failed.empty()
                      ? fmt::format("`{}` is undefined for this model: {}",
                                    each.detector.name,
                                    each.undefined)
                      : fmt::format("`{}` failed: {}", each.detector.name, each.failed));
      continue;
    }
    // The picture has room for a name; the whole definition stands under it.
    maps.push_back({to_svg(score_map(each, model)),
                    fmt::format("{}: {}. Score: {}. {}",
                                each.detector.name,
                                each.detector.summary,
                                each.detector.definition,
                                each.detector.source)});
  }
  report.figures(maps);
  if (!result.atlas.confirmations.empty()) {
    report.table(confirmation_table(result.atlas),
                 "The highest heads ablated together (z replaced by its mean), against as many "
                 "random heads of the same layers.");
  }
  report.table(published_numbers_table(result, model),
               "The papers' numbers, and the same measured here. Where the published model is not "
               "at hand its column stays empty.");
  for (const ResultTable& each : result.tables) {
    report.table(table_of(each), each.caption);
  }
}

}  // namespace headscope
