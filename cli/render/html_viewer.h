// A self-contained offline page that shows every recorded attention map of some prompts.
//
// In the page: thumbnails (layers × heads, or sorted by a score), a large map or two side by side
// with their difference, means over heads and layers, the prompt's tokens shaded by what a token
// attends to and who attends to it, and the value under the pointer. The address says what is shown
// (`#cell=prompt,layer,head,query,key&scale=root&tokens=0:64,0:64&with=prompt,layer,head`; layer or
// head −1 is the mean over all), and `await window.headscope.value(prompt, layer, head, query,
// key)` gives a value. The page's footer lists the keys.
//
// Precision (packed_map.h): a page whose maps have room keeps 16 bits a value, so that one in [0,
// 1] is exact to ±1/131070. In a larger one, values have 8 bits or less, and the page says how
// exact each is. Each map is deflated on its own and unpacked when first looked at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cli/render/heat_map.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"

namespace headscope {

struct ViewerData {
  struct Prompt {
    std::string id;
    std::vector<std::string> tokens;  // pieces, raw bytes
    std::string source = {};          // the trace it is from, where there are several
    std::string gap = {};             // between tokens written one behind the other: " " of ids
  };
  std::string title = "Attention";
  std::string model;                       // "SmolLM2-135M-Instruct"
  std::string hook = "attn.hook_pattern";  // what is shown
  std::vector<Prompt> prompts;
  Mask mask = Mask::causal;  // causal: only keys ≤ query are stored and shown
  // How many values (stored_values) all maps have together; the page then stays below 40 MB. 0: all
  // values are kept with 16 bits.
  std::int64_t values = 0;
  // A score a head from elsewhere (a detector, a sweep), to sort by beside those of the maps
  // (map_scores.h); without a name there is none.
  struct OwnScores {
    std::string name;
    std::map<std::pair<std::int64_t, std::int64_t>, double> of_heads{};  // by layer and head
  } own_scores{};
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
  [[nodiscard]] std::int64_t room_for(std::int64_t size) const;
  [[nodiscard]] OrderedJson own_scores_json() const;

  ViewerData data_;
  OutputFile file_;
  std::set<std::tuple<std::size_t, std::int64_t, std::int64_t>> written_;
  OrderedJson maps_ = OrderedJson::array();
};

}  // namespace headscope
