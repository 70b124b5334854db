#include "analyses/task/makers/draft.h"
#include "lib/base/error.h"

namespace headscope {

MarkedText fill(const std::string& pattern,
                const std::map<std::string, std::string>& words,
                const std::string& where) {
  MarkedText out;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t open = pattern.find('{', at);
    out.text += pattern.substr(at, open - at);
    if (open == std::string::npos) {
      break;
    }
    const std::size_t close = pattern.find('}', open);
    if (close == std::string::npos) {
      throw DataError("{}: a {{ without its }} in \"{}\"", where, pattern);
    }
    const std::string slot = pattern.substr(open + 1, close - open - 1);
    if (!words.contains(slot)) {
      std::string known;
      for (const auto& [name, word] : words) {
        known += (known.empty() ? "{" : ", {") + name + "}";
      }
      throw DataError("{}: no slot {{{}}} in \"{}\"; there are {}", where, slot, pattern, known);
    }
    const std::string& word = words.at(slot);
    out.marks.emplace(slot, TextRange{out.text.size(), out.text.size() + word.size()});
    out.text += word;
    at = close + 1;
  }
  return out;
}

}  // namespace headscope
