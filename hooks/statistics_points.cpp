#include "hooks/statistics_points.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/suggest.h"
#include "lib/model/site.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool has(const StatisticsChoice& choice, std::string_view name) {
  return std::find(choice.names.begin(), choice.names.end(), name) != choice.names.end();
}

// Rows of a later chunk behind those before; both may be undefined.
Tensor joined(const Tensor& before, const Tensor& part, std::int64_t axis) {
  if (!part.defined()) {
    return before;
  }
  const Tensor here = part.cpu();
  return before.defined() ? at::cat({before, here}, axis) : here;
}

// `x` with its last axis made `size` long.
Tensor widened(const Tensor& x, std::int64_t size) {
  if (x.size(-1) == size) {
    return x;
  }
  auto sizes = x.sizes().vec();
  sizes.back() = size;
  Tensor wide = at::zeros(sizes, x.options());
  wide.narrow(-1, 0, x.size(-1)).copy_(x);
  return wide;
}

}  // namespace

const std::vector<std::string>& statistic_names() {
  static const std::vector<std::string> names{
      "first", "entropy", "distance", "columns", "top", "blocks"};
  return names;
}

StatisticsRequest statistics_request(const StatisticsChoice& choice) {
  for (const std::string& name : choice.names) {
    const auto& known = statistic_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw UsageError("{}: no such statistic{}; there are {}",
                       name,
                       did_you_mean(name, known),
                       fmt::join(known, ", "));
    }
  }
  StatisticsRequest request;
  request.first = has(choice, "first");
  request.entropy = has(choice, "entropy");
  request.distance = has(choice, "distance");
  request.columns = has(choice, "columns");
  request.top_k = has(choice, "top") ? choice.top_k : 0;
  request.block = has(choice, "blocks") ? choice.block : 0;
  return request;
}

std::string statistic_point(int layer, std::string_view name) {
  return fmt::format("{}_{}", hook_name(Site::pattern, layer), name);
}

std::vector<TraceDataset> statistics_datasets(const StatisticsChoice& choice,
                                              const ModelConfig& config,
                                              std::int64_t longest) {
  std::vector<TraceDataset> datasets;
  const std::int64_t blocks = (longest + choice.block - 1) / choice.block;
  for (int layer = 0; layer < config.n_layers; ++layer) {
    const auto add =
        [&](std::string_view name, std::vector<std::string> axes, std::vector<std::int64_t> shape) {
          axes.insert(axes.begin(), {"prompt", "head"});
          shape.insert(shape.begin(), config.n_heads);
          datasets.push_back({statistic_point(layer, name), axes, shape, DType::f32});
        };
    for (const char* name : {"first", "entropy", "distance"}) {
      if (has(choice, name)) {
        add(name, {"query"}, {0});
      }
    }
    if (has(choice, "columns")) {
      add("columns", {"key"}, {0});
    }
    if (has(choice, "top")) {
      add("top_key", {"query", "top"}, {0, choice.top_k});
      add("top_weight", {"query", "top"}, {0, choice.top_k});
    }
    if (has(choice, "blocks")) {
      add("blocks", {"query_block", "key_block"}, {blocks, blocks});
    }
  }
  return datasets;
}

void StatisticsCollector::add(const Visit& visit, const AttentionStatistics& part) {
  AttentionStatistics& all = layers_.at(static_cast<std::size_t>(visit.point.layer));
  all.top_key = joined(all.top_key, part.top_key, 2);
  all.top_weight = joined(all.top_weight, part.top_weight, 2);
  all.first_mass = joined(all.first_mass, part.first_mass, 2);
  all.entropy = joined(all.entropy, part.entropy, 2);
  all.distance = joined(all.distance, part.distance, 2);
  if (part.column_mass.defined()) {
    const Tensor here = part.column_mass.cpu();
    all.column_mass =
        all.column_mass.defined() ? widened(all.column_mass, here.size(-1)) + here : here;
  }
  if (part.block_map.defined()) {
    const Tensor here = part.block_map.cpu();
    all.block_map =
        all.block_map.defined() ? at::cat({widened(all.block_map, here.size(-1)), here}, 2) : here;
  }
}

std::vector<NamedStatistic> statistics_of_prompt(const StatisticsChoice& choice,
                                                 const AttentionStatistics& statistics,
                                                 std::int64_t row,
                                                 std::int64_t pad) {
  std::vector<NamedStatistic> values;
  const auto own = [&](const Tensor& tensor) {  // [n_heads, queries or keys, …]
    const Tensor one = tensor.select(0, row).cpu();
    return one.narrow(1, pad, one.size(1) - pad).contiguous();
  };
  const auto add = [&](const std::string& name, const Tensor& value) {
    values.push_back({name, value.to(at::kFloat)});
  };
  for (const std::string& name : choice.names) {
    if (name == "top") {
      const Tensor keys = own(statistics.top_key);
      add("top_key", at::where(keys >= 0, keys - pad, keys));
      add("top_weight", own(statistics.top_weight));
    } else if (name == "blocks") {
      add(name, statistics.block_map.select(0, row).cpu().contiguous());
    } else {
      add(name,
          own(name == "first"      ? statistics.first_mass
              : name == "entropy"  ? statistics.entropy
              : name == "distance" ? statistics.distance
                                   : statistics.column_mass));
    }
  }
  return values;
}

}  // namespace headscope
