#include <algorithm>
#include <cmath>
#include <set>

#include "analyses/head_lists/read_head_list.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::int64_t kScoredHeadsJsonMost = 100000;

std::int64_t index_of(const Json& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0 ||
      found->get<std::int64_t>() >= kScoredHeadsJsonMost) {
    throw DataError("{}: no \"{}\" that is a number from 0", where, key);
  }
  return found->get<std::int64_t>();
}

std::pair<HeadId, double> scored_head(const Json& entry, const std::string& where) {
  if (!entry.is_object()) {
    throw DataError("{} is not an object", where);
  }
  const auto score = entry.find("score");
  if (score == entry.end() || !score->is_number()) {
    throw DataError("{}: no \"score\" that is a number", where);
  }
  return {{index_of(entry, "layer", where), index_of(entry, "head", where)}, score->get<double>()};
}

// The size a file states, or that of its largest index.
std::int64_t stated(const Json& json,
                    const char* key,
                    std::int64_t least,
                    const std::string& path) {
  if (!json.contains(key)) {
    return least;
  }
  const std::int64_t size = index_of(json, key, path);
  if (size < least) {
    throw DataError("{}: \"{}\" is {}, but {} are listed", path, key, size, least);
  }
  return size;
}

HeadSpace space_of(const Json& json, const std::string& path) {
  const Json space = json.value("space", Json("query"));
  if (space != "query" && space != "kv") {
    throw DataError("{}: \"space\" is \"query\" or \"kv\", not {}", path, space.dump());
  }
  return space == "kv" ? HeadSpace::kv : HeadSpace::query;
}

}  // namespace

std::optional<HeadList> read_scored_heads_json(const HeadListFile& file) {
  if (!file.json.is_object() || !file.json.contains("heads") || !file.json["heads"].is_array()) {
    return std::nullopt;
  }
  const std::string path = file.path.string();
  HeadList list{.path = path, .format = "scored heads JSON", .space = space_of(file.json, path)};
  std::vector<std::pair<HeadId, double>> listed;
  HeadGrid grid;
  for (const Json& entry : file.json["heads"]) {
    listed.push_back(scored_head(entry, fmt::format("{}: heads[{}]", path, listed.size())));
    grid.n_layers = std::max(grid.n_layers, listed.back().first.layer + 1);
    grid.n_heads = std::max(grid.n_heads, listed.back().first.head + 1);
  }
  if (listed.empty()) {
    throw DataError("{}: \"heads\" is empty", path);
  }
  grid.n_layers = stated(file.json, "n_layers", grid.n_layers, path);
  grid.n_heads = stated(file.json, "n_heads", grid.n_heads, path);
  constexpr std::int64_t kScoredHeadsJsonMost = 10000;  // layers, and heads of each
  if (grid.n_layers > kScoredHeadsJsonMost || grid.n_heads > kScoredHeadsJsonMost ||
      grid.size() > (1 << 20)) {
    throw DataError(
        "{}: {} layers of {} heads: no model has so many", path, grid.n_layers, grid.n_heads);
  }
  list.scores = HeadScores(grid);
  std::set<HeadId> seen;
  for (const auto& [head, score] : listed) {
    if (!seen.insert(head).second) {
      throw DataError("{}: head {} is listed twice", path, to_string(head));
    }
    list.scores[head] = score;
  }
  return list;
}

}  // namespace headscope
