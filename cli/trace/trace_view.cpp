#include "cli/trace/trace_view.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

bool is_attention(const std::vector<std::string>& axes) {
  return axes.size() >= 2 && axes[axes.size() - 2] == "query" && axes.back() == "key";
}

std::string title_of(const TraceReader& trace, const TraceView& view) {
  const HookName name = split_hook(view.hook);
  std::string title = model_label(trace);
  title += name.layer < 0 ? "" : fmt::format(" · layer {}", name.layer);
  title += view.head < 0 ? "" : fmt::format("{} head {}", name.layer < 0 ? " ·" : ",", view.head);
  return title + " · " + name.point;
}

// " · tokens 64 to 127", of a part only.
std::string tokens_text(const TokenRange& tokens, const Prompt& prompt) {
  if (tokens == TokenRange{}) {
    return "";
  }
  const TokenRange within = range_within(tokens, static_cast<std::int64_t>(prompt.tokens.size()));
  return fmt::format(" · tokens {} to {}", within.begin, within.end - 1);
}

std::string subtitle_of(const TraceReader& trace, const TraceView& view) {
  const Prompt& prompt = trace.prompt(view.prompt);
  const std::string id = prompt.id.empty() || prompt.id == std::to_string(view.prompt)
                             ? ""
                             : fmt::format(" ({})", visible(prompt.id, Spaces::kept));
  return fmt::format("prompt {}{}{}: {}",
                     view.prompt,
                     id,
                     tokens_text(view.tokens, prompt),
                     visible(prompt.text, Spaces::kept));
}

std::vector<std::string> axis_labels(const std::string& axis, const Prompt& prompt) {
  return is_ragged_axis(axis) ? token_labels(prompt) : std::vector<std::string>{};
}

[[noreturn]] void throw_not_flat(const TraceView& view, const std::vector<std::string>& axes) {
  std::string names;
  for (const std::string& axis : axes) {
    names += (names.empty() ? "" : ", ") + axis;
  }
  throw UsageError(
      "{}: a picture needs two axes, these are [{}]; use --format npy or csv", view.hook, names);
}

std::string value_name_of(const std::vector<std::string>& axes, const std::string& hook) {
  return !is_attention(axes) ? "value" : hook.ends_with("pattern") ? "attention" : "score";
}

}  // namespace

HookName split_hook(const std::string& name) {
  constexpr std::string_view kPrefix = "blocks.";
  std::int64_t layer = 0;
  if (name.starts_with(kPrefix)) {
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, layer);
    if (error == std::errc() && stop != end && *stop == '.') {
      return {layer, std::string(stop + 1, end)};
    }
  }
  return {-1, name};
}

std::string model_label(const TraceReader& trace) {
  const Json& provenance = trace.provenance();
  const auto found = provenance.find("model");
  if (found == provenance.end() || !found->is_string()) {
    return "model";
  }
  const std::filesystem::path path = found->get<std::string>();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

std::vector<std::string> token_labels(const Prompt& prompt) {
  if (!prompt.pieces.empty()) {
    return prompt.pieces;
  }
  std::vector<std::string> labels;
  for (const std::int32_t token : prompt.tokens) {
    labels.push_back(std::to_string(token));
  }
  return labels;
}

std::int64_t head_count(const TraceDataset& dataset) {
  for (std::size_t i = 0; i < dataset.shape.size(); ++i) {
    if (is_head_axis(dataset.axes[i + 1])) {
      return dataset.shape[i];
    }
  }
  return 0;
}

bool is_attention_map(const TraceDataset& dataset) {
  return dataset.axes == std::vector<std::string>{"prompt", "head", "query", "key"};
}

LabelledArray array_of(const TraceReader& trace, const TraceView& view) {
  TraceReader::Values read = trace.read(view.hook, view.prompt, view.head);
  LabelledArray array;
  for (std::size_t i = 0; i < read.axes.size(); ++i) {
    array.axes.push_back(
        {read.axes[i], read.shape[i], axis_labels(read.axes[i], trace.prompt(view.prompt))});
  }
  array.values = std::move(read.values);
  return array;
}

Mask mask_of(const TraceReader::Values& map) {
  const std::int64_t keys = map.shape.back();
  for (std::size_t i = 0; i < map.values.size(); ++i) {
    const auto cell = static_cast<std::int64_t>(i) % (map.shape[map.shape.size() - 2] * keys);
    if (cell % keys > cell / keys && map.values[i] != 0 && !std::isinf(map.values[i])) {
      return Mask::none;
    }
  }
  return Mask::causal;
}

HeatMap heat_map_of(const TraceReader& trace, const TraceView& view) {
  TraceReader::Values read = cropped(trace.read(view.hook, view.prompt, view.head), view.tokens);
  if (read.axes.size() != 2) {
    throw_not_flat(view, read.axes);
  }
  const Prompt& prompt = trace.prompt(view.prompt);
  const bool attention = is_attention(read.axes);
  HeatMap map;
  map.title = title_of(trace, view);
  map.subtitle = subtitle_of(trace, view);
  map.rows = read.shape[0];
  map.cols = read.shape[1];
  map.row_labels = cropped(axis_labels(read.axes[0], prompt), view.tokens);
  map.col_labels = cropped(axis_labels(read.axes[1], prompt), view.tokens);
  map.first = view.tokens.begin;
  map.row_axis = read.axes[0];
  map.col_axis = read.axes[1];
  map.value_name = value_name_of(read.axes, view.hook);
  map.color_map = map.value_name == "attention" ? ColorMap::sequential : ColorMap::diverging;
  map.mask = attention ? mask_of(read) : Mask::none;
  map.values = std::move(read.values);
  return map;
}

SmallMultiples small_multiples_of(const TraceReader& trace, const TraceView& view) {
  SmallMultiples page;
  page.title = title_of(trace, view);
  page.subtitle = subtitle_of(trace, view);
  const std::int64_t heads = head_count(trace.dataset(view.hook));
  for (std::int64_t head = 0; head < heads; ++head) {
    HeatMap map = heat_map_of(trace, {view.hook, view.prompt, head, view.tokens});
    page.value_name = map.value_name;
    page.color_map = map.color_map;
    page.mask = map.mask;
    page.panels.push_back(
        {fmt::format("head {}", head), map.rows, map.cols, std::move(map.values)});
  }
  return page;
}

}  // namespace headscope
