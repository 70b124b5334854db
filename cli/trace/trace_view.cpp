#include "cli/trace/trace_view.h"

#include <algorithm>
#include <charconv>

#include "cli/render/html_viewer.h"
#include "cli/render/packed_map.h"
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

std::string subtitle_of(const TraceReader& trace, std::size_t index) {
  const Prompt& prompt = trace.prompt(index);
  const std::string id = prompt.id.empty() || prompt.id == std::to_string(index)
                             ? ""
                             : fmt::format(" ({})", visible(prompt.id, Spaces::kept));
  return fmt::format("prompt {}{}: {}", index, id, visible(prompt.text, Spaces::kept));
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

std::int64_t heads_of(const TraceReader& trace, const ViewerSelection& selection) {
  std::int64_t heads = 0;
  for (const std::string& hook : selection.hooks) {
    heads += selection.head < 0 ? head_count(trace.dataset(hook)) : 1;
  }
  return heads;
}

void add_prompts(ViewerData& data, const ViewerPart& part, const std::string& source) {
  for (const std::size_t index : part.selection.prompts) {
    const Prompt& prompt = part.trace.prompt(index);
    data.prompts.push_back({prompt.id.empty() ? std::to_string(index) : prompt.id,
                            token_labels(prompt),
                            source,
                            prompt.pieces.empty() ? " " : ""});
    const auto size = static_cast<std::int64_t>(data.prompts.back().tokens.size());
    data.values += heads_of(part.trace, part.selection) * stored_values(size, data.mask);
  }
}

void add_maps(HtmlViewerWriter& writer, const ViewerPart& part, std::size_t first_prompt) {
  const ViewerSelection& selection = part.selection;
  for (std::size_t i = 0; i < selection.prompts.size(); ++i) {
    for (const std::string& hook : selection.hooks) {
      const std::int64_t heads = head_count(part.trace.dataset(hook));
      const std::int64_t first = std::max<std::int64_t>(selection.head, 0);
      const std::int64_t last = selection.head < 0 ? heads : selection.head + 1;
      for (std::int64_t head = first; head < last; ++head) {
        const auto read = part.trace.read(hook, selection.prompts[i], head);
        writer.add_map(first_prompt + i, split_hook(hook).layer, head, read.values);
      }
    }
  }
}

void check_selection(const TraceReader& trace, const ViewerSelection& selection) {
  for (const std::string& hook : selection.hooks) {
    const TraceDataset& dataset = trace.dataset(hook);
    if (!is_attention_map(dataset)) {
      throw UsageError("{}: a viewer shows attention maps [head, query, key] only", hook);
    }
    if (split_hook(hook).point != split_hook(selection.hooks.front()).point) {
      throw UsageError("a viewer shows one point in several layers, not {} and {} together",
                       selection.hooks.front(),
                       hook);
    }
  }
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

HeatMap heat_map_of(const TraceReader& trace, const TraceView& view) {
  TraceReader::Values read = trace.read(view.hook, view.prompt, view.head);
  if (read.axes.size() != 2) {
    throw_not_flat(view, read.axes);
  }
  const Prompt& prompt = trace.prompt(view.prompt);
  const bool attention = is_attention(read.axes);
  HeatMap map;
  map.title = title_of(trace, view);
  map.subtitle = subtitle_of(trace, view.prompt);
  map.rows = read.shape[0];
  map.cols = read.shape[1];
  map.row_labels = axis_labels(read.axes[0], prompt);
  map.col_labels = axis_labels(read.axes[1], prompt);
  map.row_axis = read.axes[0];
  map.col_axis = read.axes[1];
  map.value_name = value_name_of(read.axes, view.hook);
  map.color_map = map.value_name == "attention" ? ColorMap::sequential : ColorMap::diverging;
  map.mask = attention ? Mask::causal : Mask::none;
  map.values = std::move(read.values);
  return map;
}

SmallMultiples small_multiples_of(const TraceReader& trace, const TraceView& view) {
  SmallMultiples page;
  page.title = title_of(trace, view);
  page.subtitle = subtitle_of(trace, view.prompt);
  const std::int64_t heads = head_count(trace.dataset(view.hook));
  for (std::int64_t head = 0; head < heads; ++head) {
    HeatMap map = heat_map_of(trace, {view.hook, view.prompt, head});
    page.value_name = map.value_name;
    page.color_map = map.color_map;
    page.mask = map.mask;
    page.panels.push_back(
        {fmt::format("head {}", head), map.rows, map.cols, std::move(map.values)});
  }
  return page;
}

void write_viewer(const std::vector<ViewerPart>& parts, const std::filesystem::path& path) {
  ViewerData data;
  data.hook = split_hook(parts.front().selection.hooks.front()).point;
  for (const ViewerPart& part : parts) {
    check_selection(part.trace, part.selection);
    const std::string label = model_label(part.trace);
    data.model += (data.model.empty() ? "" : " · ") + label;
    add_prompts(data, part, parts.size() == 1 ? "" : part.name + ", " + label);
  }
  HtmlViewerWriter writer(path, std::move(data));
  std::size_t prompts = 0;
  for (const ViewerPart& part : parts) {
    add_maps(writer, part, prompts);
    prompts += part.selection.prompts.size();
  }
  writer.finish();
}

}  // namespace headscope
