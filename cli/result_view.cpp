#include "cli/result_view.h"

#include <cmath>
#include <limits>

#include "cli/output.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::string text_of(const Json& provenance, const std::string& key) {
  const auto found = provenance.find(key);
  return found == provenance.end() || !found->is_string() ? "" : found->get<std::string>();
}

OrderedJson axes_json(const ResultHeader& header) {
  OrderedJson axes = OrderedJson::array();
  for (const ResultAxis& axis : header.axes) {
    axes.push_back({{"name", axis.name}, {"labels", axis.labels}});
  }
  return axes;
}

OrderedJson cells_json(const Result& result, const Effects& effects) {
  OrderedJson cells = OrderedJson::array();
  for (const CellEffect& cell : effects.cells) {
    OrderedJson entry;
    for (std::size_t i = 0; i < cell.labels.size(); ++i) {
      entry[result.header.axes[i].name] = cell.labels[i];
    }
    entry["value"] = cell.value;
    entry["effect"] = json_of(cell.effect);
    entry["normalized"] = cell.normalized ? OrderedJson(*cell.normalized) : OrderedJson();
    cells.push_back(std::move(entry));
  }
  return cells;
}

}  // namespace

std::string with_interval(const Summary& summary) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", summary.mean, summary.low, summary.high);
}

OrderedJson json_of(const Summary& summary) {
  return {{"mean", summary.mean},
          {"standard_error", summary.standard_error},
          {"low", summary.low},
          {"high", summary.high}};
}

Table strongest_table(const Result& result, const Effects& effects, std::size_t top) {
  Table table({{"cell"}, {"effect"}, {"±se"}, {"95 % low"}, {"95 % high"}, {"normalized"}});
  for (const CellEffect& cell : strongest(effects, top)) {
    table.row({cell_name(result, cell),
               cell.effect.mean,
               cell.effect.standard_error,
               cell.effect.low,
               cell.effect.high,
               cell.normalized ? OrderedJson(*cell.normalized) : OrderedJson()});
  }
  return table;
}

std::string result_text(const Result& result, std::size_t top) {
  const Effects effects = effects_of(result);
  const Json& provenance = result.header.provenance;
  const std::string missing =
      result.complete() ? ""
                        : fmt::format("{} of {} values; --resume or headscope merge complete it",
                                      result.done,
                                      result.per_prompt.size());
  const std::string scale =
      effects.scale ? "" : "clean and corrupted hardly differ: no normalised values";
  return facts(
             {{"sweep", text_of(provenance, "title")},
              {"model", text_of(provenance, "model")},
              {"task",
               fmt::format(
                   "{}, {} prompts", text_of(provenance, "task"), result.header.prompt_ids.size())},
              {result.header.metric + ", clean", with_interval(effects.clean)},
              {result.header.metric + ", corrupted", with_interval(effects.corrupted)},
              {"incomplete", missing},
              {"note", scale}}) +
         "\n" + strongest_table(result, effects, top).text();
}

OrderedJson result_json(const Result& result, bool per_prompt, std::size_t top) {
  const Effects effects = effects_of(result);
  const ResultHeader& header = result.header;
  OrderedJson json{
      {"kind", header.kind},
      {"metric", header.metric},
      {"complete", result.complete()},
      {"provenance", header.provenance},
      {"axes", axes_json(header)},
      {"baseline", {{"clean", json_of(effects.clean)}, {"corrupted", json_of(effects.corrupted)}}},
      {"strongest", strongest_table(result, effects, top).json()},
      {"cells", cells_json(result, effects)}};
  if (per_prompt) {
    json["prompts"] = header.prompt_ids;
    json["baseline"]["clean"]["per_prompt"] = result.clean;
    json["baseline"]["corrupted"]["per_prompt"] = result.corrupted;
    for (std::size_t i = 0; i < effects.cells.size(); ++i) {
      const auto begin = result.per_prompt.begin() +
                         effects.cells[i].cell * static_cast<std::int64_t>(result.clean.size());
      json["cells"][i]["per_prompt"] =
          std::vector<double>(begin, begin + static_cast<std::int64_t>(result.clean.size()));
    }
  }
  return json;
}

HeatMap result_map(const Result& result, const Effects& effects, std::int64_t pos) {
  const auto& axes = result.header.axes;
  const bool slice = axes.size() == 3;
  const bool flat = axes.size() == 1;
  const Json& provenance = result.header.provenance;
  HeatMap map;
  map.title = fmt::format("{} · {}{}",
                          text_of(provenance, "model"),
                          text_of(provenance, "title"),
                          slice ? fmt::format(" · position {}", pos) : "");
  map.subtitle = fmt::format("{}, {} prompts · {}: clean {:.3f}, corrupted {:.3f}",
                             text_of(provenance, "task"),
                             result.header.prompt_ids.size(),
                             result.header.metric,
                             effects.clean.mean,
                             effects.corrupted.mean);
  map.rows = axes[0].size();
  map.cols = flat ? 1 : axes[1].size();
  map.row_labels = axes[0].labels;
  map.col_labels = flat ? std::vector<std::string>{""} : axes[1].labels;
  map.row_axis = axes[0].name;
  map.col_axis = flat ? "" : axes[1].name;
  map.value_name = effects.scale ? "normalized" : "effect";
  map.color_map = ColorMap::diverging;
  map.values.assign(static_cast<std::size_t>(map.rows * map.cols),
                    std::numeric_limits<float>::quiet_NaN());
  for (const CellEffect& cell : effects.cells) {
    const std::int64_t size = slice ? axes[2].size() : 1;
    if (!slice || cell.cell % size == pos) {
      const double base = effects.into_clean ? 1.0 : 0.0;  // the run nobody changed
      map.values[static_cast<std::size_t>(cell.cell / size)] =
          static_cast<float>(cell.normalized ? *cell.normalized - base : cell.effect.mean);
    }
  }
  return map;
}

}  // namespace headscope
