#include "cli/sweep/result_view.h"

#include "analyses/results/result_kind.h"
#include "cli/output.h"
#include "cli/provenance_text.h"
#include "cli/sweep/attribution_view.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

// Layers, heads and positions as numbers; "embed", "mlp" and the like as they are.
OrderedJson label_json(const std::string& label) {
  const bool number = !label.empty() && label.size() < 10 &&
                      label.find_first_not_of("0123456789") == std::string::npos;
  return number ? OrderedJson(std::stoll(label)) : OrderedJson(label);
}

OrderedJson axes_json(const ResultHeader& header) {
  OrderedJson axes = OrderedJson::array();
  for (const ResultAxis& axis : header.axes) {
    OrderedJson labels = OrderedJson::array();
    for (const std::string& label : axis.labels) {
      labels.push_back(label_json(label));
    }
    axes.push_back({{"name", axis.name}, {"labels", std::move(labels)}});
  }
  return axes;
}

OrderedJson cell_place_json(const Result& result, const CellEffect& cell) {
  OrderedJson place = OrderedJson::object();
  for (std::size_t i = 0; i < cell.labels.size(); ++i) {
    place[result.header.axes[i].name] = label_json(cell.labels[i]);
  }
  return place;
}

OrderedJson cells_json(const Result& result, const Effects& effects) {
  OrderedJson cells = OrderedJson::array();
  for (const CellEffect& cell : effects.cells) {
    OrderedJson entry = cell_place_json(result, cell);
    entry["value"] = cell.value;
    entry["effect"] = json_of(cell.effect);
    entry["normalized"] = cell.normalized ? OrderedJson(*cell.normalized) : OrderedJson();
    cells.push_back(std::move(entry));
  }
  return cells;
}

// The table's rows, each with its place among the axes.
OrderedJson strongest_json(const Result& result, const Effects& effects, std::size_t top) {
  OrderedJson rows = strongest_table(result, effects, top).json();
  const std::vector<CellEffect> cells = strongest(effects, top);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    OrderedJson row = cell_place_json(result, cells[i]);
    row.update(rows[i]);
    rows[i] = std::move(row);
  }
  return rows;
}

}  // namespace

std::string with_interval(const Summary& summary) {
  if (!summary.has_interval()) {
    return fmt::format("{:.3f} (one item: no interval)", summary.mean);
  }
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", summary.mean, summary.low, summary.high);
}

OrderedJson json_of(const Summary& summary) {
  return {{"mean", summary.mean},
          {"standard_error", cell_of(summary.standard_error)},
          {"low", cell_of(summary.low)},
          {"high", cell_of(summary.high)}};
}

Table strongest_table(const Result& result, const Effects& effects, std::size_t top) {
  const ResultKind& kind = result_kind(result.header.kind);
  std::vector<Table::Column> columns{{"cell"},
                                     {std::string(kind.effect)},
                                     {"±se", 3, "standard_error"},
                                     {"95 % low"},
                                     {"95 % high"}};
  if (!kind.shares()) {
    columns.push_back({"normalized"});
  }
  Table table(columns);
  for (const CellEffect& cell : strongest(effects, top)) {
    std::vector<OrderedJson> row{cell_name(result, cell),
                                 cell.effect.mean,
                                 cell_of(cell.effect.standard_error),
                                 cell_of(cell.effect.low),
                                 cell_of(cell.effect.high)};
    if (!kind.shares()) {
      row.push_back(cell.normalized ? OrderedJson(*cell.normalized) : OrderedJson());
    }
    table.row(std::move(row));
  }
  return table;
}

std::string result_text(const Result& result, std::size_t top) {
  const Effects effects = effects_of(result);
  const ResultKind& kind = result_kind(result.header.kind);
  const Json& provenance = result.header.provenance;
  const std::string missing =
      result.complete() ? ""
                        : fmt::format("{} of {} values; --resume or headscope merge complete it",
                                      result.done,
                                      result.per_prompt.size());
  const std::string scale = effects.scale || kind.shares()
                                ? ""
                                : "clean and corrupted hardly differ: no normalized values";
  return facts({{std::string(kind.heading), text_of(provenance, "title")},
                {"model", text_of(provenance, "model")},
                {"task",
                 fmt::format("{}, {}",
                             text_of(provenance, "task"),
                             counted(result.header.prompt_ids.size(), "prompt"))},
                {result.header.metric + ", clean", with_interval(effects.clean)},
                {result.header.metric + ", corrupted", with_interval(effects.corrupted)},
                {"incomplete", missing},
                {"note", scale},
                {"note", text_of(provenance, "note")}}) +
         "\n" + (kind.shares() ? totals_text(totals_of(result), result.header.metric) + "\n" : "") +
         strongest_table(result, effects, top).text();
}

OrderedJson result_json(const Result& result, PerPrompt per_prompt, std::size_t top) {
  const Effects effects = effects_of(result);
  const ResultHeader& header = result.header;
  OrderedJson json{
      {"kind", header.kind},
      {"metric", header.metric},
      {"complete", result.complete()},
      {"provenance", header.provenance},
      {"axes", axes_json(header)},
      {"baseline", {{"clean", json_of(effects.clean)}, {"corrupted", json_of(effects.corrupted)}}},
      {"strongest", strongest_json(result, effects, top)},
      {"cells", cells_json(result, effects)}};
  if (result_kind(header.kind).shares()) {
    json["totals"] = totals_json(totals_of(result));
  }
  if (per_prompt == PerPrompt::told) {
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

}  // namespace headscope
