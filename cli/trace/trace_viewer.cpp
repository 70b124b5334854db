// The viewer page of a trace's attention maps.
#include <algorithm>
#include <utility>

#include "cli/render/packed_map.h"
#include "cli/trace/trace_view.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::int64_t heads_of(const TraceReader& trace, const ViewerSelection& selection) {
  std::int64_t heads = 0;
  for (const std::string& hook : selection.hooks) {
    heads += selection.head < 0 ? head_count(trace.dataset(hook)) : 1;
  }
  return heads;
}

// The first head of the longest prompt tells whether queries see what follows them.
bool sees_all(const ViewerPart& part) {
  const auto& prompts = part.selection.prompts;
  const auto longest =
      std::max_element(prompts.begin(), prompts.end(), [&](std::size_t one, std::size_t other) {
        return part.trace.prompt(one).tokens.size() < part.trace.prompt(other).tokens.size();
      });
  const std::int64_t head = std::max<std::int64_t>(part.selection.head, 0);
  return mask_of(part.trace.read(part.selection.hooks.front(), *longest, head)) == Mask::none;
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

void write_viewer(const std::vector<ViewerPart>& parts,
                  const std::filesystem::path& path,
                  ViewerData::OwnScores scores) {
  ViewerData data;
  data.own_scores = std::move(scores);
  data.hook = split_hook(parts.front().selection.hooks.front()).point;
  for (const ViewerPart& part : parts) {
    check_selection(part.trace, part.selection);
    data.mask = sees_all(part) ? Mask::none : data.mask;
  }
  for (const ViewerPart& part : parts) {
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
