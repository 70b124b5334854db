// Files out of a result.
#include <cmath>
#include <limits>

#include "analyses/results/result_kind.h"
#include "cli/provenance_text.h"
#include "cli/render/arrays.h"
#include "cli/render/report.h"
#include "cli/sweep/attribution_view.h"
#include "cli/sweep/result_view.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> shape_of(const Result& result) {
  std::vector<std::int64_t> shape;
  for (const ResultAxis& axis : result.header.axes) {
    shape.push_back(axis.size());
  }
  return shape;
}

// The metric's mean of every cell, NaN where not done.
std::vector<float> values_of(const Result& result, const Effects& effects) {
  std::size_t cells = 1;
  for (const ResultAxis& axis : result.header.axes) {
    cells *= axis.labels.size();
  }
  std::vector<float> values(cells, std::numeric_limits<float>::quiet_NaN());
  for (const CellEffect& cell : effects.cells) {
    values[static_cast<std::size_t>(cell.cell)] = static_cast<float>(cell.value);
  }
  return values;
}

// Empty where one prompt has no error and no interval.
std::string csv_number(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

std::string csv_of(const Result& result, const Effects& effects) {
  std::string text;
  for (const ResultAxis& axis : result.header.axes) {
    text += axis.name + ",";
  }
  text += "value,effect,standard_error,low,high,normalized\n";
  for (const CellEffect& cell : effects.cells) {
    for (const std::string& label : cell.labels) {
      text += label + ",";
    }
    text += fmt::format("{},{},{},{},{},{}\n",
                        cell.value,
                        cell.effect.mean,
                        csv_number(cell.effect.standard_error),
                        csv_number(cell.effect.low),
                        csv_number(cell.effect.high),
                        cell.normalized ? fmt::format("{}", *cell.normalized) : "");
  }
  return text;
}

// What the numbers of the page are.
std::string meaning_of(const Result& result, const Effects& effects) {
  if (result_kind(result.header.kind).shares()) {
    return fmt::format(
        "Each cell is what one component writes straight into it, with the final norm's divisor "
        "frozen: {}. White cells are no component. {}",
        sum_line(totals_of(result), result.header.metric),
        text_of(result.header.provenance, "note"));
  }
  return effects.scale ? "In tables, normalized values are the metric on the scale where the "
                         "corrupted run is "
                         "0 and the clean one 1. The map shows the effect, the change from the run "
                         "that was changed, as a share of clean − corrupted."
                       : "The two hardly differ, so nothing is normalized.";
}

std::string page_of(const Result& result, const Effects& effects) {
  const Json& provenance = result.header.provenance;
  Report report({.title = result.header.kind + ": " + provenance.value("title", ""),
                 .subtitle = provenance.value("model", "") + ", " + provenance.value("task", ""),
                 .footer = fmt::format("headscope {} · {} · weights {} · seed {}",
                                       kVersion,
                                       provenance.value("command_line", ""),
                                       provenance.value("weights_hash", ""),
                                       provenance.value("seed", std::uint64_t{0}))});
  report.text(fmt::format(
      "The metric is **{}**: {:.3f} in the clean runs, {:.3f} in the corrupted ones, over {} "
      "prompts. {}",
      result.header.metric,
      effects.clean.mean,
      effects.corrupted.mean,
      result.header.prompt_ids.size(),
      meaning_of(result, effects)));
  const bool slices = result.header.axes.size() == 3;
  const std::int64_t positions = slices ? result.header.axes[2].size() : 1;
  for (std::int64_t pos = 0; pos < positions; ++pos) {
    report.figure(to_svg(result_map(result, effects, slices ? pos : -1)));
  }
  if (result_kind(result.header.kind).shares()) {
    report.table(totals_table(totals_of(result)), "By kind of component");
  }
  report.table(strongest_table(result, effects, 20), "The strongest cells");
  return report.html();
}

}  // namespace

std::vector<fs::path> export_result(const fs::path& file,
                                    const std::string& format,
                                    const fs::path& out) {
  const Result result = read_result(file);
  const Effects effects = effects_of(result);
  const auto named = [&](const std::string& suffix) {
    return out / (file.stem().string() + suffix + "." + format);
  };
  std::vector<fs::path> files;
  if (format == "png" || format == "svg") {
    const bool slices = result.header.axes.size() == 3;
    for (std::int64_t pos = 0; pos < (slices ? result.header.axes[2].size() : 1); ++pos) {
      const HeatMap map = result_map(result, effects, slices ? pos : -1);
      files.push_back(named(slices ? fmt::format(".pos{}", pos) : ""));
      write_file(files.back(), format == "png" ? to_png(map) : to_svg(map));
    }
    return files;
  }
  files.push_back(named(""));
  if (format == "npy") {
    write_npy(files.back(), shape_of(result), values_of(result, effects));
  } else {
    write_file(files.back(), format == "csv" ? csv_of(result, effects) : page_of(result, effects));
  }
  return files;
}

}  // namespace headscope
