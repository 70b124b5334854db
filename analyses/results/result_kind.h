// What the cells of a result hold, by its kind: whoever summarises or draws one asks here.
#pragma once

#include <string_view>

namespace headscope {

struct ResultKind {
  std::string_view kind;  // ResultHeader::kind
  // changed_runs: the metric of a run in which one thing was changed; its effect is told from the
  // unchanged run, and may be put on the scale from corrupted to clean. shares: a cell's part
  // of the metric of an unchanged run: the value is the effect, the cells sum to the metric,
  // and cells that are NaN do not exist.
  enum class Cells { changed_runs, shares } cells = Cells::changed_runs;
  std::string_view heading = "sweep";            // of the line with the title
  std::string_view effect = "effect";            // what the effect of a cell is called
  std::string_view unit = "effect";              // the same beside a colour bar
  std::string_view way_on = "--resume goes on";  // where a file is unfinished

  [[nodiscard]] bool shares() const { return cells == Cells::shares; }
};

// Kinds that are not listed are sweeps.
const ResultKind& result_kind(std::string_view kind);

}  // namespace headscope
