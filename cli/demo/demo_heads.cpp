#include "cli/demo/demo_heads.h"

#include <algorithm>
#include <vector>

#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/stored_statistics.h"
#include "cli/trace/trace_view.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// [1, 1, T] bool: the keys of the span "object".
Tensor object_keys(const TraceReader& trace, std::size_t prompt, std::int64_t length) {
  const auto& spans = trace.prompt(prompt).spans;
  const auto found = spans.find("object");
  if (found == spans.end()) {
    throw DataError("prompt {} has no span \"object\"", prompt);
  }
  Tensor keys = at::zeros({1, 1, length}, at::kBool);
  keys.slice(2, found->second.begin, found->second.end).fill_(true);
  return keys;
}

// Of each head, the mean over the queries from `begin` on of a value [1, n_heads, T].
Tensor mean_from(const Tensor& value, std::int64_t begin) {
  const Tensor queries = value[0].slice(1, begin).to(at::kDouble);
  return queries.size(1) > 0 ? queries.mean(1) : at::zeros({value.size(1)}, at::kDouble);
}

// [3, n_heads] of one layer on one prompt: previous, first, object.
Tensor ways_of(const TraceReader& trace, const std::string& dataset, std::size_t prompt) {
  TraceReader::Values read = trace.read(dataset, prompt);
  const std::int64_t length = read.shape[1];
  const Tensor pattern =
      at::from_blob(read.values.data(), {1, read.shape[0], length, length}, at::kFloat);
  StatisticsRequest request;
  request.offsets = {1};
  request.spans = object_keys(trace, prompt, length);
  request.first = true;
  const AttentionStatistics statistics = statistics_of_pattern(pattern, request);
  return at::stack({mean_from(statistics.offset_mass.select(3, 0), 2),
                    mean_from(statistics.first_mass, 1),
                    mean_from(statistics.span_mass.select(3, 0), length - 1)});
}

std::vector<std::string> patterns_of(const TraceReader& trace) {
  std::vector<std::string> names;
  for (const TraceDataset& dataset : trace.datasets()) {
    if (is_attention_map(dataset) && split_hook(dataset.name).point == "attn.hook_pattern") {
      names.push_back(dataset.name);
    }
  }
  std::ranges::sort(names, {}, [](const std::string& name) { return split_hook(name).layer; });
  if (names.empty() || split_hook(names.back()).layer + 1 != std::ssize(names)) {
    throw UsageError("patterns of some layers are missing; record blocks.*.attn.hook_pattern");
  }
  return names;
}

}  // namespace

DemoHeads demo_heads(const TraceReader& trace) {
  std::vector<Tensor> layers;
  for (const std::string& dataset : patterns_of(trace)) {
    std::vector<Tensor> prompts;
    for (std::size_t prompt = 0; prompt < trace.prompt_count(); ++prompt) {
      prompts.push_back(ways_of(trace, dataset, prompt));
    }
    layers.push_back(at::stack(prompts).mean(0));
  }
  const Tensor ways = at::stack(layers, 1);  // [3, n_layers, n_heads]
  return {head_scores(ways[0]), head_scores(ways[1]), head_scores(ways[2])};
}

}  // namespace headscope
