// A self-contained offline page that shows every recorded attention map of some prompts.
//
// In the page: a grid of thumbnails (layers × heads), one large map, the prompt's tokens shaded by
// what a token attends to and who attends to it, and the value under the pointer. Keyboard: arrows
// move in the grid or the map, [ and ] change the head, { and } the layer, Esc lets go of a pinned
// cell. `#cell=prompt,layer,head,query,key` in the address opens that cell, and
// `await window.headscope.value(prompt, layer, head, query, key)` gives its value.
//
// Precision: maps whose values all lie in [0, 1] are stored as 16-bit fixed point, so a value is
// exact to ±1/131070; others on [min, max] of their finite values in 65533 levels, NaN and ±inf
// kept. Each map is deflated on its own and unpacked when first looked at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "cli/render/heat_map.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"

namespace headscope {

struct ViewerData {
  struct Prompt {
    std::string id;
    std::vector<std::string> tokens;  // pieces, raw bytes
  };
  std::string title = "Attention";
  std::string model;                       // "SmolLM2-135M-Instruct"
  std::string hook = "attn.hook_pattern";  // what is shown
  std::vector<Prompt> prompts;
  Mask mask = Mask::causal;  // causal: only keys ≤ query are stored and shown
};

class HtmlViewerWriter {
 public:
  // Errors of OutputFile, here and in the other methods; UsageError without prompts.
  HtmlViewerWriter(const std::filesystem::path& path, ViewerData data);

  // One map, [query, key] over the prompt's tokens, written at once and not kept. Throws
  // InternalError: no such prompt, a wrong number of values, a map given twice.
  void add_map(std::size_t prompt,
               std::int64_t layer,
               std::int64_t head,
               std::span<const float> values);

  // Writes the rest and puts the file in place. UsageError if no map was added.
  void finish();

 private:
  ViewerData data_;
  OutputFile file_;
  std::set<std::tuple<std::size_t, std::int64_t, std::int64_t>> written_;
  OrderedJson maps_ = OrderedJson::array();
};

}  // namespace headscope
