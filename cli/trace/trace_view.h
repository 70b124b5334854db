// Pictures, labels and pages out of a trace; no model is needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/render/arrays.h"
#include "cli/render/heat_map.h"
#include "cli/render/html_viewer.h"
#include "cli/render/small_multiples.h"
#include "cli/trace/token_range.h"
#include "hooks/trace/trace.h"

namespace headscope {

// "blocks.3.attn.hook_pattern" → layer 3, "attn.hook_pattern"; layer −1 outside blocks.
struct HookName {
  std::int64_t layer = -1;
  std::string point;
};
HookName split_hook(const std::string& name);

// What of a trace to look at. head −1: all heads.
struct TraceView {
  std::string hook;
  std::size_t prompt = 0;
  std::int64_t head = -1;
  TokenRange tokens{};  // of pictures
};

std::string model_label(const TraceReader& trace);  // "smollm2"

// Pieces of the prompt's tokens (raw bytes); their ids where the model had no tokenizer.
std::vector<std::string> token_labels(const Prompt& prompt);

// The number of heads of a dataset; 0 if it has none.
std::int64_t head_count(const TraceDataset& dataset);

// True for [prompt, head, query, key]: what heat maps and viewers of attention show.
bool is_attention_map(const TraceDataset& dataset);

LabelledArray array_of(const TraceReader& trace, const TraceView& view);

// How a map [query, key] of a trace was masked: causally where nothing lies above its diagonal,
// since a softmax over all tokens gives every one of them something.
Mask mask_of(const TraceReader::Values& map);

// Of a view with two axes; UsageError for others.
HeatMap heat_map_of(const TraceReader& trace, const TraceView& view);

// All heads of a hook point, each a heat map of two axes; UsageError for others.
SmallMultiples small_multiples_of(const TraceReader& trace, const TraceView& view);

// A viewer of `prompts` with every head (or one) of the attention maps in `hooks`, which must be
// those of one point in several layers (UsageError).
struct ViewerSelection {
  std::vector<std::string> hooks;
  std::vector<std::size_t> prompts;
  std::int64_t head = -1;
};
// What a viewer takes from one trace; `name` tells traces apart.
struct ViewerPart {
  const TraceReader& trace;
  ViewerSelection selection;
  std::string name;
};
// `scores`: what the page sorts heads by at first; without a name by layer and head.
void write_viewer(const std::vector<ViewerPart>& parts,
                  const std::filesystem::path& path,
                  ViewerData::OwnScores scores = {});

}  // namespace headscope
