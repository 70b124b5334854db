// Attention maps as two Python packages take them, with the tokens they belong to.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "cli/trace/token_range.h"
#include "hooks/trace/trace.h"

namespace headscope {

// Which maps of one prompt: every head (or `head`) of `hooks`, one point in several layers.
struct NotebookMaps {
  std::vector<std::string> hooks;
  std::size_t prompt = 0;
  std::int64_t head = -1;
  TokenRange tokens{};
};

// "circuitsvis": the arguments of circuitsvis.attention.attention_heads() (1.43), so that
// `attention_heads(**json.load(file))` shows them: {"attention": [head][query][key], "tokens",
// "attention_head_names": ["L3H0", …], "mask_upper_tri"}; attention_patterns() takes the first two.
//
// "bertviz": {"attention": [layer][1][head][query][key], "tokens"}, so that
// `head_view([torch.tensor(a) for a in d["attention"]], d["tokens"])` shows them (1.4; model_view
// likewise), and beside them "layers", the model's numbers of those that BertViz counts from 0.
bool is_notebook_format(std::string_view format);

// Numbers have the fewest digits that give the same f32. Throws UsageError for hooks that are no
// attention maps, or layers of different head counts for BertViz; errors of OutputFile.
void write_notebook_json(const TraceReader& trace,
                         const NotebookMaps& maps,
                         std::string_view format,
                         const std::filesystem::path& path);

}  // namespace headscope
