// A strict little XML checker: enough to see that tags nest, attributes are quoted and text is
// escaped. (xmllint says the same, but tests need no other program.)
#pragma once

#include <cctype>
#include <string>
#include <vector>

namespace headscope {

inline bool is_reference(const std::string& text, std::size_t at) {
  const auto end = text.find(';', at);
  return end != std::string::npos && end - at > 1 && end - at < 8;
}

// "" or what is wrong first.
inline std::string well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < xml.size(); ++at) {
    if (xml[at] == '&' && !is_reference(xml, at)) {
      return "bare & at " + std::to_string(at);
    }
    if (xml[at] == '>') {
      return "bare > at " + std::to_string(at);
    }
    if (xml[at] != '<') {
      continue;
    }
    const std::size_t begin = at + 1;
    bool quoted = false;
    for (++at; at < xml.size() && (quoted || xml[at] != '>'); ++at) {
      quoted ^= xml[at] == '"';
      if (xml[at] == '<') {
        return "bare < in a tag at " + std::to_string(at);
      }
    }
    const std::string tag = xml.substr(begin, at - begin);
    const std::string name =
        tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" /", 1) - (tag[0] == '/' ? 1 : 0));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) {
        return "unexpected </" + tag.substr(1) + ">";
      }
      open.pop_back();
    } else if (tag.back() != '/') {
      if (!std::isalpha(static_cast<unsigned char>(tag[0]))) {
        return "bad tag <" + tag + ">";
      }
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

}  // namespace headscope
