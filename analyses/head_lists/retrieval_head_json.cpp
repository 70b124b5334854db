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

using Place = std::pair<std::int64_t, std::int64_t>;  // layer, head

constexpr std::int64_t kRetrievalHeadJsonMost =
    100000;  // layers, or heads of a layer: more is no model

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= 0 && value < kRetrievalHeadJsonMost ? std::optional(value)
                                                               : std::nullopt;
}

std::optional<Place> place_of(std::string_view key) {
  const std::size_t dash = key.find('-');
  if (dash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto layer = number(key.substr(0, dash));
  const auto head = number(key.substr(dash + 1));
  return layer && head ? std::optional(Place{*layer, *head}) : std::nullopt;
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

HeadList filled(const std::map<Place, std::vector<double>>& by_head, const std::string& path) {
  HeadList list{.path = path, .format = "Retrieval_Head JSON"};
  for (const auto& [place, samples] : by_head) {
    list.layers = std::max(list.layers, place.first + 1);
    list.heads = std::max(list.heads, place.second + 1);
  }
  list.samples = static_cast<std::int64_t>(by_head.begin()->second.size());
  if (static_cast<std::int64_t>(by_head.size()) != list.layers * list.heads) {
    throw DataError(
        "{}: {} heads do not fill {} layers of {}", path, by_head.size(), list.layers, list.heads);
  }
  for (const auto& [place, samples] : by_head) {  // in order of layer, then head
    if (static_cast<std::int64_t>(samples.size()) != list.samples || samples.empty()) {
      throw DataError(
          "{}: head {}-{} has {} samples where the first has {}; every head has the "
          "same, and at least one",
          path,
          place.first,
          place.second,
          samples.size(),
          list.samples);
    }
    const auto n = static_cast<double>(samples.size());
    const auto active =
        std::count_if(samples.begin(), samples.end(), [](double score) { return score > 0; });
    list.scores.push_back(std::accumulate(samples.begin(), samples.end(), 0.0) / n);
    list.active.push_back(static_cast<double>(active) / n);
  }
  return list;
}

}  // namespace

std::optional<HeadList> read_retrieval_head_json(const HeadListFile& file) {
  if (!file.json.is_object() || file.json.empty() || !place_of(file.json.begin().key())) {
    return std::nullopt;
  }
  std::map<Place, std::vector<double>> by_head;
  for (const auto& [key, samples] : file.json.items()) {
    const auto place = place_of(key);
    if (!place) {
      throw DataError("{}: \"{}\" is no \"layer-head\"", file.path.string(), key);
    }
    by_head[*place] = samples_of(samples, fmt::format("{}: \"{}\"", file.path.string(), key));
  }
  return filled(by_head, file.path.string());
}

}  // namespace headscope
