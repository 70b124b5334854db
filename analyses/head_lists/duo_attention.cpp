#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "analyses/head_lists/read_head_list.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

std::optional<double> number(const std::string& text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// The numbers of a line; nothing if it has anything else.
std::optional<std::vector<double>> row_of(const std::string& line) {
  std::istringstream words(line);
  std::vector<double> row;
  for (std::string word; words >> word;) {
    const auto value = number(word);
    if (!value) {
      return std::nullopt;
    }
    row.push_back(*value);
  }
  return row;
}

std::string note_of(const std::filesystem::path& config) {
  if (!path_exists(config)) {
    return "";
  }
  const Json json = read_json(config);
  if (!json.is_object() || !json.contains("sink_size") || !json.contains("recent_size")) {
    return "";
  }
  return fmt::format("trained with {} sink and {} recent tokens",
                     json["sink_size"].dump(),
                     json["recent_size"].dump());
}

}  // namespace

std::optional<HeadList> read_duo_attention(const HeadListFile& file) {
  HeadList list{.path = file.path.string(),
                .format = "DuoAttention TSV",
                .space = HeadSpace::kv,
                .note = note_of(file.path.parent_path() / "config.json")};
  std::istringstream lines(file.text);
  for (std::string line; std::getline(lines, line);) {
    const auto row = row_of(line);
    if (!row) {
      return std::nullopt;
    }
    if (row->empty()) {
      continue;
    }
    const auto width = static_cast<std::int64_t>(row->size());
    HeadGrid& grid = list.scores.grid;
    grid.n_heads = grid.n_layers == 0 ? width : grid.n_heads;
    if (width != grid.n_heads) {
      throw DataError("{}: layer {} has {} numbers where the first has {}",
                      list.path,
                      grid.n_layers,
                      width,
                      grid.n_heads);
    }
    ++grid.n_layers;
    for (const double value : *row) {  // bf16 noise of the last training step lies outside
      list.scores.values.push_back(std::clamp(value, 0.0, 1.0));
    }
  }
  return list.scores.empty() ? std::nullopt : std::optional(list);
}

}  // namespace headscope
