// Files out of a result.
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "cli/render/arrays.h"
#include "cli/sweep/result_page.h"
#include "cli/sweep/result_view.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"

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

// A viewer that `export` wrote beside the page.
std::string viewer_beside(const fs::path& page) {
  constexpr const char* kViewer = "attn.hook_pattern.html";
  return fs::exists(page.parent_path() / kViewer) ? kViewer : "";
}

std::string page_of(const Result& result, const fs::path& with, const fs::path& page) {
  std::vector<Result> results{result};
  if (!with.empty()) {
    results.push_back(read_result(with));
  }
  return result_page(results, viewer_beside(page));
}

}  // namespace

std::vector<fs::path> export_result(const fs::path& file, const ResultExport& options) {
  const std::string& format = options.picture.format;
  const Result result = read_result(file);
  const Effects effects = effects_of(result);
  const bool slices = is_picture_format(format) && result.header.axes.size() == 3;
  const std::int64_t count = slices ? result.header.axes[2].size() : 1;
  if (options.one && count > 1) {
    throw UsageError("-o {}: this makes {} pictures, one a position; give -o a folder",
                     options.out.string(),
                     count);
  }
  std::vector<fs::path> files;
  for (std::int64_t pos = 0; pos < count; ++pos) {
    const std::string name =
        file.stem().string() + (slices ? fmt::format(".pos{}.", pos) : ".") + format;
    files.push_back(options.one ? options.out : options.out / name);
    if (is_picture_format(format)) {
      const HeatMap map = result_map(result, effects, slices ? pos : -1);
      write_file(files.back(), picture(map, options.picture));
    }
  }
  if (format == "npy") {
    write_npy(files.back(), shape_of(result), values_of(result, effects));
  } else if (!is_picture_format(format)) {
    write_file(
        files.back(),
        format == "csv" ? csv_of(result, effects) : page_of(result, options.with, files.back()));
  }
  return files;
}

}  // namespace headscope
