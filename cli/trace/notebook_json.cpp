#include "cli/trace/notebook_json.h"

#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "cli/render/visible.h"
#include "cli/trace/trace_view.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

// One map [query, key] as nested lists. JSON has no infinity: a score that a mask took away is
// null.
std::string map_text(const TraceReader::Values& map) {
  const auto keys = static_cast<std::size_t>(map.shape.back());
  std::string text = "[";
  for (std::size_t i = 0; i < map.values.size(); ++i) {
    text += i % keys == 0 ? (i == 0 ? "[" : "],[") : ",";
    text += std::isfinite(map.values[i]) ? fmt::format("{}", map.values[i]) : "null";
  }
  return text + "]]";
}

std::vector<std::int64_t> heads_of_hook(const TraceReader& trace,
                                        const NotebookMaps& maps,
                                        const std::string& hook) {
  if (!is_attention_map(trace.dataset(hook))) {
    throw UsageError("{}: CircuitsVis and BertViz show attention maps [head, query, key] only",
                     hook);
  }
  if (maps.head >= 0) {
    return {maps.head};
  }
  std::vector<std::int64_t> heads(static_cast<std::size_t>(head_count(trace.dataset(hook))));
  std::iota(heads.begin(), heads.end(), 0);
  return heads;
}

void check_same_heads(const TraceReader& trace, const NotebookMaps& maps) {
  const auto first = heads_of_hook(trace, maps, maps.hooks.front()).size();
  for (const std::string& hook : maps.hooks) {
    if (heads_of_hook(trace, maps, hook).size() != first) {
      throw UsageError(
          "BertViz shows layers with as many heads each; {} has {}, {} has {}: choose by --hook",
          maps.hooks.front(),
          first,
          hook,
          heads_of_hook(trace, maps, hook).size());
    }
  }
}

struct Written {
  OrderedJson names = OrderedJson::array();   // of heads
  OrderedJson layers = OrderedJson::array();  // of hooks
  Mask mask = Mask::causal;
};

// The value of "attention"; between layers stands `layer_begin` … `layer_end`.
Written write_maps(OutputFile& file,
                   const TraceReader& trace,
                   const NotebookMaps& maps,
                   std::string_view layer_begin,
                   std::string_view layer_end) {
  Written written;
  for (const std::string& hook : maps.hooks) {
    const std::int64_t layer = split_hook(hook).layer;
    file.write(written.layers.empty() ? "" : ",");
    file.write(layer_begin);
    written.layers.push_back(layer);
    bool first = true;
    for (const std::int64_t head : heads_of_hook(trace, maps, hook)) {
      const auto map = cropped(trace.read(hook, maps.prompt, head), maps.tokens);
      written.mask = mask_of(map) == Mask::none ? Mask::none : written.mask;
      written.names.push_back(fmt::format("L{}H{}", layer, head));
      file.write((first ? "" : ",") + map_text(map));
      first = false;
    }
    file.write(layer_end);
  }
  return written;
}

std::string tokens_json(const TraceReader& trace, const NotebookMaps& maps) {
  OrderedJson tokens = OrderedJson::array();
  for (const std::string& piece : cropped(token_labels(trace.prompt(maps.prompt)), maps.tokens)) {
    tokens.push_back(visible(piece, Spaces::kept));
  }
  return tokens.dump();
}

}  // namespace

bool is_notebook_format(std::string_view format) {
  return format == "circuitsvis" || format == "bertviz";
}

void write_notebook_json(const TraceReader& trace,
                         const NotebookMaps& maps,
                         std::string_view format,
                         const std::filesystem::path& path) {
  const bool bertviz = format == "bertviz";
  if (bertviz) {
    check_same_heads(trace, maps);
  }
  OutputFile file(path);
  file.write("{\"attention\":[");
  const Written written =
      bertviz ? write_maps(file, trace, maps, "[[", "]]") : write_maps(file, trace, maps, "", "");
  file.write("],\"tokens\":" + tokens_json(trace, maps));
  file.write(bertviz ? ",\"layers\":" + written.layers.dump()
                     : fmt::format(",\"attention_head_names\":{},\"mask_upper_tri\":{}",
                                   written.names.dump(),
                                   written.mask == Mask::causal));
  file.write("}\n");
  file.commit();
}

}  // namespace headscope
