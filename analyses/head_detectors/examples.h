// What heads look like at work: attention maps of a few short prompts, and the places in natural
// text where each head looks hardest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct ExamplePrompt {
  std::string name;                  // "an IOI prompt"
  std::vector<std::string> pieces;   // of its tokens, raw bytes; token numbers without a tokenizer
  std::vector<std::uint8_t> maps{};  // [n_layers · n_heads, T, T]: p · 255, rounded
};

// A head's attention from one token of a text to another.
struct Attended {
  std::int64_t text = 0;  // of Examples::texts
  std::int64_t query = 0;
  std::int64_t key = 0;
  double weight = 0.0;
};

struct Examples {
  std::vector<ExamplePrompt> prompts;
  std::vector<std::vector<std::string>> texts;  // pieces
  // [n_layers · n_heads]: at most kMostAttended each, strongest first, one a text. The first token,
  // the query's own and the one before it are left out: sinks and neighbours would be all there is.
  std::vector<std::vector<Attended>> attended;
};
inline constexpr std::size_t kMostAttended = 6;

Examples collect_examples(const Model& model, std::uint64_t seed);

}  // namespace headscope
