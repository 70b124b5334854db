#include "cli/sweep/compared_results_view.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/output.h"
#include "cli/render/picture.h"
#include "cli/render/table.h"
#include "cli/sweep/result_view.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

Table table_of_changes(const ComparedResults& found, std::size_t top) {
  std::vector<const ComparedCell*> cells;
  for (const ComparedCell& cell : found.cells) {
    cells.push_back(&cell);
  }
  std::stable_sort(
      cells.begin(), cells.end(), [](const ComparedCell* one, const ComparedCell* two) {
        return std::abs(one->change.mean) > std::abs(two->change.mean);
      });
  cells.resize(std::min(top, cells.size()));
  Table table({{"cell"},
               {"A"},
               {"B"},
               {"B − A", 3, "change"},
               {"95 % low", 3, "low"},
               {"95 % high", 3, "high"},
               {"", 3, "changed"}});
  for (const ComparedCell* cell : cells) {
    table.row({cell->name,
               cell->a,
               cell->b,
               cell->change.mean,
               cell_of(cell->change.low),
               cell_of(cell->change.high),
               cell->changed ? "changed" : ""});
  }
  return table;
}

OrderedJson optional_json(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

std::string shown_optional(const std::optional<double>& value) {
  return value ? format_number(*value) : "– (a result does not vary)";
}

std::size_t place_on_axis(const ResultAxis& axis, const std::string& label) {
  return static_cast<std::size_t>(std::find(axis.labels.begin(), axis.labels.end(), label) -
                                  axis.labels.begin());
}

HeatMap map_of_changes(const ComparedResults& found, const ComparedNames& names) {
  const bool flat = found.axes.size() == 1;
  HeatMap map;
  map.title = "change of effects, B − A";
  map.subtitle = fmt::format("A: {} · B: {}", names.a, names.b);
  map.rows = found.axes[0].size();
  map.cols = flat ? 1 : found.axes[1].size();
  map.row_labels = found.axes[0].labels;
  map.col_labels = flat ? std::vector<std::string>{""} : found.axes[1].labels;
  map.row_axis = found.axes[0].name;
  map.col_axis = flat ? "" : found.axes[1].name;
  map.value_name = found.normalized ? "change of effect / (clean − corrupted)" : "change of effect";
  map.color_map = ColorMap::diverging;
  map.mask = Mask::absent;
  map.values.assign(static_cast<std::size_t>(map.rows * map.cols),
                    std::numeric_limits<float>::quiet_NaN());
  for (const ComparedCell& cell : found.cells) {
    const std::size_t row = place_on_axis(found.axes[0], cell.labels[0]);
    const std::size_t col = flat ? 0 : place_on_axis(found.axes[1], cell.labels[1]);
    map.values[row * static_cast<std::size_t>(map.cols) + col] =
        static_cast<float>(cell.change.mean);
  }
  return map;
}

}  // namespace

std::string compared_text(const ComparedResults& found,
                          const ComparedNames& names,
                          std::size_t top) {
  const auto alone = [](std::size_t count) { return count == 0 ? "" : std::to_string(count); };
  return facts(
             {{"A", names.a},
              {"B", names.b},
              {"cells in both", std::to_string(found.cells.size())},
              {"in A alone", alone(found.only_a)},
              {"in B alone", alone(found.only_b)},
              {"effects", found.normalized ? "as shares of clean − corrupted" : "as measured"},
              {"Pearson", shown_optional(found.agreement.pearson)},
              {"Spearman", shown_optional(found.agreement.spearman)},
              {fmt::format("top {}", found.agreement.top_count),
               fmt::format("{} in both", found.agreement.top)},
              {"changed",
               fmt::format("{} of {} cells, by 95 % intervals {}; of unchanged ones 5 % are so by "
                           "chance",
                           found.changed(),
                           found.cells.size(),
                           found.paired ? "over the same prompts" : "of two sets of prompts")}}) +
         "\n" + table_of_changes(found, top).text();
}

OrderedJson compared_json(const ComparedResults& found, const ComparedNames& names) {
  OrderedJson cells = OrderedJson::array();
  for (const ComparedCell& cell : found.cells) {
    OrderedJson place = OrderedJson::object();
    for (std::size_t i = 0; i < cell.labels.size(); ++i) {
      place[found.axes[i].name] = cell.labels[i];
    }
    cells.push_back({{"name", cell.name},
                     {"place", std::move(place)},
                     {"a", cell.a},
                     {"b", cell.b},
                     {"change", json_of(cell.change)},
                     {"changed", cell.changed}});
  }
  return {{"format", "headscope-compared-results"},
          {"version", 1},
          {"a", names.a},
          {"b", names.b},
          {"paired", found.paired},
          {"normalized", found.normalized},
          {"only_a", found.only_a},
          {"only_b", found.only_b},
          {"pearson", optional_json(found.agreement.pearson)},
          {"spearman", optional_json(found.agreement.spearman)},
          {"top", {{"count", found.agreement.top_count}, {"both", found.agreement.top}}},
          {"changed", found.changed()},
          {"cells", std::move(cells)}};
}

void write_compared_map(const ComparedResults& found,
                        const ComparedNames& names,
                        const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending.size() < 2 || !is_picture_format(ending.substr(1))) {
    throw UsageError("-o {}: the map of changes is a picture, .png, .svg or .pdf", path.string());
  }
  if (found.axes.size() > 2) {
    throw UsageError("-o {}: a map has two axes, and these results have {}; --json has all cells",
                     path.string(),
                     found.axes.size());
  }
  write_file(path, picture(map_of_changes(found, names), {.format = ending.substr(1)}));
}

}  // namespace headscope
