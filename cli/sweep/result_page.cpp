#include "cli/sweep/result_page.h"

#include <cmath>

#include <fmt/format.h>

#include "analyses/results/result_kind.h"
#include "analyses/sweep/effects.h"
#include "cli/provenance_text.h"
#include "cli/render/assets.h"
#include "cli/render/map_page.h"
#include "cli/render/page_palettes.h"
#include "cli/render/visible.h"
#include "cli/sweep/attribution_view.h"
#include "lib/base/json.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

OrderedJson or_null(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson();
}

// [cell, effect, standard error, low, high, value, normalized], as sweep.js reads them.
OrderedJson cells_json(const Effects& effects) {
  OrderedJson cells = OrderedJson::array();
  for (const CellEffect& cell : effects.cells) {
    cells.push_back({cell.cell,
                     or_null(cell.effect.mean),
                     or_null(cell.effect.standard_error),
                     or_null(cell.effect.low),
                     or_null(cell.effect.high),
                     or_null(cell.value),
                     cell.normalized ? or_null(*cell.normalized) : OrderedJson()});
  }
  return cells;
}

OrderedJson axes_json(const Result& result) {
  OrderedJson axes = OrderedJson::array();
  for (const ResultAxis& axis : result.header.axes) {
    OrderedJson labels = OrderedJson::array();
    for (const std::string& label : axis.labels) {
      labels.push_back(visible(label));
    }
    axes.push_back({{"name", axis.name}, {"labels", std::move(labels)}});
  }
  return axes;
}

OrderedJson sweep_json(const Result& result) {
  const Effects effects = effects_of(result);
  const Json& provenance = result.header.provenance;
  const double whole = effects.scale ? effects.scale->clean - effects.scale->corrupted : 1.0;
  return {
      {"name", visible(text_of(provenance, "title"), Spaces::kept)},
      {"metric", result.header.metric},
      {"unit",
       effects.scale ? "of clean − corrupted" : std::string(result_kind(result.header.kind).unit)},
      {"whole", whole},
      {"axes", axes_json(result)},
      {"cells", cells_json(effects)}};
}

// What the numbers of the page are.
std::string meaning_of(const Result& result, const Effects& effects) {
  if (!result_kind(result.header.kind).shares()) {
    return effects.scale
               ? "Normalized values are the metric on the scale where the corrupted run is 0 and "
                 "the clean one 1. The map shows the effect, the change from the run that was "
                 "changed, as a share of clean − corrupted."
               : "Clean and corrupted hardly differ, so nothing is normalized.";
  }
  const AttributionTotals totals = totals_of(result);
  std::string kinds;
  for (const AttributionTotal& kind : totals.kinds) {
    kinds += fmt::format("{}all {} {:.3f}", kinds.empty() ? "" : ", ", kind.name, kind.sum.mean);
  }
  return fmt::format(
      "Each cell is what one component writes straight into it, with the final norm's divisor "
      "frozen: {}. By kind of component: {}. {}",
      sum_line(totals, result.header.metric),
      kinds,
      text_of(result.header.provenance, "note"));
}

OrderedJson texts_json(const Result& result) {
  const Effects effects = effects_of(result);
  return {visible(fmt::format("The metric is {}: {:.3f} in the clean runs, {:.3f} in the corrupted "
                              "ones, over {} prompts. {}",
                              result.header.metric,
                              effects.clean.mean,
                              effects.corrupted.mean,
                              result.header.prompt_ids.size(),
                              meaning_of(result, effects)),
                  Spaces::kept)};
}

OrderedJson index_of(const std::vector<Result>& results, const std::string& viewer) {
  const Result& first = results.front();
  const Json& provenance = first.header.provenance;
  OrderedJson sweeps = OrderedJson::array();
  for (const Result& result : results) {
    sweeps.push_back(sweep_json(result));
  }
  const auto shown = [&](const char* key) {
    return visible(text_of(provenance, key), Spaces::kept);
  };
  return {{"title", first.header.kind + ": " + shown("title")},
          {"subtitle", shown("model") + ", " + shown("task")},
          {"footer",
           fmt::format("headscope {} · {} · weights {} · seed {}",
                       kVersion,
                       shown("command_line"),
                       shown("weights_hash"),
                       provenance.value("seed", std::uint64_t{0}))},
          {"texts", texts_json(first)},
          {"viewer", viewer},
          {"palettes",
           {{"diverging", palette_text(ColorMap::diverging)},
            {"diverging_dark", palette_text(ColorMap::diverging_dark)}}},
          {"sweeps", std::move(sweeps)}};
}

}  // namespace

std::string result_page(const std::vector<Result>& results, const std::string& viewer) {
  const OrderedJson index = index_of(results, viewer);
  return map_page({index, asset_sweep_css(), asset_sweep_js(), asset_sweep_js_sha256()});
}

}  // namespace headscope
