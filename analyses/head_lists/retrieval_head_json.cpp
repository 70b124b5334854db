#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <utility>

#include "analyses/head_lists/read_head_list.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::int64_t kRetrievalHeadJsonMost =
    100000;  // layers, or heads of a layer: more is no model

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= 0 && value < kRetrievalHeadJsonMost ? std::optional(value)
                                                               : std::nullopt;
}

std::optional<HeadId> head_of(std::string_view key) {
  const std::size_t dash = key.find('-');
  if (dash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto layer = number(key.substr(0, dash));
  const auto head = number(key.substr(dash + 1));
  return layer && head ? std::optional(HeadId{*layer, *head}) : std::nullopt;
}

std::vector<double> samples_of(const Json& list, const std::string& where) {
  std::vector<double> samples;
  for (const Json& sample : list.is_array() ? list : Json::array({Json()})) {
    if (!sample.is_number()) {
      throw DataError("{} is not a list of numbers", where);
    }
    samples.push_back(sample.get<double>());
  }
  return samples;
}

HeadList filled(const std::map<HeadId, std::vector<double>>& by_head, const std::string& path) {
  HeadList list{.path = path, .format = "Retrieval_Head JSON"};
  HeadGrid grid;
  for (const auto& [head, samples] : by_head) {
    grid.n_layers = std::max(grid.n_layers, head.layer + 1);
    grid.n_heads = std::max(grid.n_heads, head.head + 1);
  }
  list.scores.grid = grid;
  list.active.grid = grid;
  list.samples = static_cast<std::int64_t>(by_head.begin()->second.size());
  if (by_head.size() != grid.size()) {
    throw DataError("{}: {} heads do not fill {} layers of {}",
                    path,
                    by_head.size(),
                    grid.n_layers,
                    grid.n_heads);
  }
  for (const auto& [head, samples] : by_head) {  // in order of layer, then head
    if (static_cast<std::int64_t>(samples.size()) != list.samples || samples.empty()) {
      throw DataError(
          "{}: head {}-{} has {} samples where the first has {}; every head has the "
          "same, and at least one",
          path,
          head.layer,
          head.head,
          samples.size(),
          list.samples);
    }
    const auto n = static_cast<double>(samples.size());
    const auto active =
        std::count_if(samples.begin(), samples.end(), [](double score) { return score > 0; });
    list.scores.values.push_back(std::accumulate(samples.begin(), samples.end(), 0.0) / n);
    list.active.values.push_back(static_cast<double>(active) / n);
  }
  return list;
}

}  // namespace

std::optional<HeadList> read_retrieval_head_json(const HeadListFile& file) {
  if (!file.json.is_object() || file.json.empty() || !head_of(file.json.begin().key())) {
    return std::nullopt;
  }
  std::map<HeadId, std::vector<double>> by_head;
  for (const auto& [key, samples] : file.json.items()) {
    const auto head = head_of(key);
    if (!head) {
      throw DataError("{}: \"{}\" is no \"layer-head\"", file.path.string(), key);
    }
    by_head[*head] = samples_of(samples, fmt::format("{}: \"{}\"", file.path.string(), key));
  }
  return filled(by_head, file.path.string());
}

}  // namespace headscope
