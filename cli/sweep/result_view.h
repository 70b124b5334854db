// A result as people and programs read it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "analyses/sweep/effects.h"
#include "cli/render/picture.h"
#include "cli/render/table.h"
#include "lib/base/json_fwd.h"

namespace headscope {

std::string with_interval(const Summary& summary);  // "0.920 [0.860, 0.970]"
// mean, standard_error, low, high; the last three null where one value has none.
OrderedJson json_of(const Summary& summary);

// What was done, the baselines, the strongest cells; of shares also what they sum to.
std::string result_text(const Result& result, std::size_t top);

enum class PerPrompt { left_out, told };

// The same, and every cell's numbers in the order of the axes; each prompt's if asked for.
OrderedJson result_json(const Result& result, PerPrompt per_prompt, std::size_t top);

// The strongest cells: name, effect, its error and interval; of a sweep also normalised.
Table strongest_table(const Result& result, const Effects& effects, std::size_t top);

// layer × head (or × position), the effect as a share of clean − corrupted, or itself where that
// has no scale; the bar says which. Of a result over layer, head and pos: the heads of position
// `pos`. Of shares, cells that do not exist are left white.
HeatMap result_map(const Result& result, const Effects& effects, std::int64_t pos = -1);

// OUT/<kind>.<format>, or one file a position for pictures of layer × head × pos; `out` itself
// where `one` says that it names a file (UsageError if several come out). `with`: a second result
// on the same page (html), "" for none.
struct ResultExport {
  PictureOptions picture;  // its format: "npy", "csv", "png", "svg", "pdf" or "html"
  std::filesystem::path out;
  bool one = false;
  std::filesystem::path with;
};
std::vector<std::filesystem::path> export_result(const std::filesystem::path& file,
                                                 const ResultExport& options);

}  // namespace headscope
