#include "cli/sweep/attribution_view.h"

#include <fmt/format.h>

#include "cli/sweep/result_view.h"
#include "lib/base/json.h"

namespace headscope {

Table totals_table(const AttributionTotals& totals) {
  Table table({{"components"}, {"sum"}, {"±se", 3, "standard_error"}, {"95 % low"}, {"95 % high"}});
  const auto row = [&](const std::string& name, const Summary& of) {
    table.row({name, of.mean, cell_of(of.standard_error), cell_of(of.low), cell_of(of.high)});
  };
  for (const AttributionTotal& kind : totals.kinds) {
    row("all " + kind.name, kind.sum);
  }
  row("all", totals.sum);
  return table;
}

std::string sum_line(const AttributionTotals& totals, const std::string& metric) {
  return fmt::format("components sum to {:.3f}, the model's {} is {:.3f}",
                     totals.sum.mean,
                     metric,
                     totals.target.mean);
}

std::string totals_text(const AttributionTotals& totals, const std::string& metric) {
  return totals_table(totals).text() + sum_line(totals, metric) + "\n";
}

OrderedJson totals_json(const AttributionTotals& totals) {
  OrderedJson json;
  for (const AttributionTotal& kind : totals.kinds) {
    json[key_of({kind.name})] = json_of(kind.sum);
  }
  json["sum"] = json_of(totals.sum);
  json["model"] = json_of(totals.target);
  return json;
}

}  // namespace headscope
