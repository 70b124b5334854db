#include "cli/trace/stats_view.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "cli/render/small_multiples.h"
#include "cli/render/table.h"
#include "lib/base/counted.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The values of a layer's heads, `per_head` [H], behind those of the layers before.
template <class T>
void append(HeadTable<T>& table, const HeadGrid& heads, const Tensor& per_head) {
  const Tensor values = per_head.to(c10::CppTypeToScalarType<T>::value).contiguous();
  const T* data = values.const_data_ptr<T>();
  table.grid = heads;
  table.values.insert(table.values.end(), data, data + values.numel());
}

// [1, H, T] → [H]
Tensor mean_over_queries(const Tensor& rows) {
  return rows.select(0, 0).to(at::kDouble).mean(1);
}

// Columns that few queries see would win by chance.
constexpr std::int64_t kLeastSeen = 16;

void add_top_columns(StatsSummary& summary, const Tensor& columns) {
  const Tensor mass = columns.select(0, 0).to(at::kDouble);  // [H, T]
  const std::int64_t tokens = mass.size(1);
  const std::int64_t count = std::max<std::int64_t>(tokens - kLeastSeen, 1);
  const std::int64_t from = tokens > 1 ? 1 : 0;
  const std::int64_t width = std::max<std::int64_t>(count - from, 1);
  const Tensor seen = at::arange(tokens - from, tokens - from - width, -1, at::kDouble);
  const auto best = (mass.narrow(1, from, width) / seen).max(1);
  append(summary.top_column_mass, summary.heads, std::get<0>(best));
  append(summary.top_column, summary.heads, std::get<1>(best) + from);
}

std::string extremes(const HeadScores& scores, std::size_t top, int digits) {
  std::string text;
  for (const HeadId& head : top_heads(scores, top)) {
    text += fmt::format(
        "{}{} {}", text.empty() ? "" : ", ", to_string(head), format_number(scores[head], digits));
  }
  return text;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

StatsSummary summarize(const StatisticsCollector& collector,
                       const ModelConfig& config,
                       const Prompt& prompt) {
  StatsSummary summary;
  summary.tokens = static_cast<std::int64_t>(prompt.tokens.size());
  summary.heads = head_grid(config);
  for (int layer = 0; layer < config.n_layers; ++layer) {
    const AttentionStatistics& all = collector.layer(layer);
    if (all.first_mass.defined()) {
      append(summary.first, summary.heads, mean_over_queries(all.first_mass));
    }
    if (all.entropy.defined()) {
      append(summary.entropy, summary.heads, mean_over_queries(all.entropy));
    }
    if (all.distance.defined()) {
      append(summary.distance, summary.heads, mean_over_queries(all.distance));
    }
    if (all.column_mass.defined()) {
      add_top_columns(summary, all.column_mass);
    }
  }
  return summary;
}

OrderedJson stats_json(const StatsSummary& summary) {
  return {{"tokens", summary.tokens},
          {"n_heads", summary.heads.n_heads},
          {"first", summary.first.values},
          {"entropy", summary.entropy.values},
          {"distance", summary.distance.values},
          {"top_column", summary.top_column.values},
          {"top_column_mass", summary.top_column_mass.values}};
}

std::string stats_text(const StatsSummary& summary, std::size_t top) {
  Table table({{"mean over queries"}, {"mean over heads"}, {"highest"}});
  const auto row = [&](const char* name, const HeadScores& scores, int digits) {
    if (!scores.empty()) {
      table.row({name, mean(scores.values), extremes(scores, top, digits)});
    }
  };
  row("mass on the first token", summary.first, 3);
  row("entropy, nats", summary.entropy, 2);
  row("distance, tokens", summary.distance, 0);
  row("mass on the strongest other token", summary.top_column_mass, 3);
  return counted(summary.tokens, "token") + "\n" + table.text();
}

void write_block_maps(const StatisticsCollector& collector,
                      const ModelConfig& config,
                      const std::string& model,
                      const std::filesystem::path& folder) {
  for (int layer = 0; layer < config.n_layers; ++layer) {
    const Tensor& maps = collector.layer(layer).block_map;
    if (!maps.defined()) {
      return;
    }
    SmallMultiples page;
    page.title = fmt::format("{} · layer {}", model, layer);
    page.subtitle = "attention pooled to blocks: a row is a block of queries";
    page.mask = Mask::causal;
    for (std::int64_t head = 0; head < config.n_heads; ++head) {
      const Tensor sums = maps.select(0, 0).select(0, head).to(at::kFloat);
      const Tensor share = (sums / sums.sum(1, true).clamp_min(1e-12)).contiguous();
      SmallMultiples::Panel panel{.label = fmt::format("head {}", head),
                                  .rows = share.size(0),
                                  .cols = share.size(1),
                                  .values = {}};
      panel.values.assign(share.const_data_ptr<float>(),
                          share.const_data_ptr<float>() + share.numel());
      page.panels.push_back(std::move(panel));
    }
    write_file(folder / fmt::format("layer-{:02}.png", layer), to_png(page));
  }
}

}  // namespace headscope
