// A result as a picture.
#include <limits>

#include "analyses/results/result_kind.h"
#include "cli/provenance_text.h"
#include "cli/sweep/result_view.h"
#include "lib/base/counted.h"
#include "lib/base/json.h"

namespace headscope {

HeatMap result_map(const Result& result, const Effects& effects, std::int64_t pos) {
  const auto& axes = result.header.axes;
  const bool slice = axes.size() == 3;
  const bool flat = axes.size() == 1;
  const ResultKind& kind = result_kind(result.header.kind);
  const Json& provenance = result.header.provenance;
  HeatMap map;
  map.title = fmt::format("{} · {}{}",
                          text_of(provenance, "model"),
                          text_of(provenance, "title"),
                          slice ? fmt::format(" · position {}", pos) : "");
  map.subtitle = fmt::format("{}, {} · {}: clean {:.3f}, corrupted {:.3f}",
                             text_of(provenance, "task"),
                             counted(result.header.prompt_ids.size(), "prompt"),
                             result.header.metric,
                             effects.clean.mean,
                             effects.corrupted.mean);
  map.rows = axes[0].size();
  map.cols = flat ? 1 : axes[1].size();
  map.row_labels = axes[0].labels;
  map.col_labels = flat ? std::vector<std::string>{""} : axes[1].labels;
  map.row_axis = axes[0].name;
  map.col_axis = flat ? "" : axes[1].name;
  map.value_name = effects.scale ? "effect / (clean − corrupted)" : std::string(kind.unit);
  map.mask = kind.shares() ? Mask::absent : Mask::none;
  map.color_map = ColorMap::diverging;
  map.values.assign(static_cast<std::size_t>(map.rows * map.cols),
                    std::numeric_limits<float>::quiet_NaN());
  const double whole = effects.scale ? effects.scale->clean - effects.scale->corrupted : 1.0;
  for (const CellEffect& cell : effects.cells) {
    const std::int64_t size = slice ? axes[2].size() : 1;
    if (!slice || cell.cell % size == pos) {
      map.values[static_cast<std::size_t>(cell.cell / size)] =
          static_cast<float>(cell.effect.mean / whole);
    }
  }
  return map;
}

}  // namespace headscope
