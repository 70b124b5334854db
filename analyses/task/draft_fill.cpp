#include "analyses/task/draft.h"
#include "lib/base/error.h"

namespace headscope {

MarkedText fill(const std::string& pattern, const Words& words, const std::string& where) {
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

std::string with_prefix(const std::string& pattern, const std::string& prefix) {
  std::string out;
  for (const char c : pattern) {
    out += c;
    if (c == '{') {
      out += prefix;
    }
  }
  return out;
}

void check_pattern(const std::string& pattern,
                   const std::vector<std::string>& slots,
                   const std::string& where) {
  for (const std::string& slot : slots) {
    if (pattern.find("{" + slot + "}") == std::string::npos) {
      throw DataError("{}: no {{{}}} in \"{}\"", where, slot, pattern);
    }
  }
  if (pattern.ends_with(' ')) {
    throw DataError("{}: \"{}\" ends in a blank, which belongs to the answer", where, pattern);
  }
}

}  // namespace headscope
