// A prompt as a model runs it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace headscope {

// A half-open range of token positions, [begin, end).
struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool operator==(const Span&) const = default;
};

struct Prompt {
  std::string id;
  std::string text;                      // as given, or decoded from the tokens
  std::vector<std::int32_t> tokens;      // as run, with BOS if one was prepended
  std::map<std::string, Span> spans;     // positions in `tokens`
  std::vector<std::string> pieces = {};  // the text of each token, raw bytes; empty: not known
  std::int64_t written = 0;              // of `tokens`, the last ones, that a model wrote
};

}  // namespace headscope
