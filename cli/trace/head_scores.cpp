#include "cli/trace/head_scores.h"

#include <algorithm>
#include <span>

#include "cli/trace/trace_view.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// One [query, key] map.
struct Map {
  std::span<const float> values;
  std::int64_t length = 0;

  [[nodiscard]] double at(std::int64_t query, std::int64_t key) const {
    return values[static_cast<std::size_t>(query * length + key)];
  }
};

double mean_over_queries(const Map& map, std::int64_t first, std::int64_t key_offset) {
  double sum = 0.0;
  for (std::int64_t query = first; query < map.length; ++query) {
    sum += map.at(query, key_offset < 0 ? query + key_offset : 0);
  }
  return map.length > first ? sum / static_cast<double>(map.length - first) : 0.0;
}

void add_prompt(AttendingHead& score, const Map& map, const Span& object, double weight) {
  score.previous += weight * mean_over_queries(map, 2, -1);
  score.first += weight * mean_over_queries(map, 1, 0);
  for (std::int64_t key = object.begin; key < object.end; ++key) {
    score.object += weight * map.at(map.length - 1, key);
  }
}

Span object_span(const TraceReader& trace, std::size_t prompt) {
  const auto& spans = trace.prompt(prompt).spans;
  const auto found = spans.find("object");
  if (found == spans.end()) {
    throw DataError("prompt {} has no span \"object\"", prompt);
  }
  return found->second;
}

void score_layer(const TraceReader& trace,
                 const TraceDataset& dataset,
                 std::vector<AttendingHead>& scores) {
  const std::int64_t layer = split_hook(dataset.name).layer;
  const std::int64_t heads = head_count(dataset);
  const std::size_t begin = scores.size();
  for (std::int64_t head = 0; head < heads; ++head) {
    scores.push_back({.head = {layer, head}});
  }
  const double weight = 1.0 / static_cast<double>(trace.prompt_count());
  for (std::size_t prompt = 0; prompt < trace.prompt_count(); ++prompt) {
    const TraceReader::Values read = trace.read(dataset.name, prompt);
    const std::int64_t length = read.shape[1];
    const Span object = object_span(trace, prompt);
    const auto size = static_cast<std::size_t>(length * length);
    for (std::size_t head = 0; head < static_cast<std::size_t>(heads); ++head) {
      const Map map{std::span<const float>(read.values).subspan(head * size, size), length};
      add_prompt(scores[begin + head], map, object, weight);
    }
  }
}

}  // namespace

std::vector<AttendingHead> score_heads(const TraceReader& trace) {
  std::vector<AttendingHead> scores;
  for (const TraceDataset& dataset : trace.datasets()) {
    if (is_attention_map(dataset) && split_hook(dataset.name).point == "attn.hook_pattern") {
      score_layer(trace, dataset, scores);
    }
  }
  if (scores.empty()) {
    throw UsageError("no patterns were recorded; record blocks.*.attn.hook_pattern");
  }
  return scores;
}

std::vector<AttendingHead> strongest(std::vector<AttendingHead> heads,
                                     double AttendingHead::*score,
                                     std::size_t count) {
  std::stable_sort(heads.begin(), heads.end(), [&](const AttendingHead& a, const AttendingHead& b) {
    return a.*score > b.*score;
  });
  heads.resize(std::min(count, heads.size()));
  return heads;
}

}  // namespace headscope
