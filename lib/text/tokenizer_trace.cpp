#include "lib/text/tokenizer_trace.h"

namespace headscope {
namespace {

struct Tracer {
  const WordModel& model;
  std::vector<TracedStretch> stretches{};

  void token(TokenId id, std::size_t begin, std::size_t end) {
    stretches.push_back({.begin = begin, .end = end, .id = id});
  }
  void stretch(std::size_t begin, std::size_t end) {
    stretches.push_back({.begin = begin, .end = end});
  }
  void normalized(std::string_view text) { stretches.back().normalized = text; }
  void normalized_token(TokenId id, std::string_view text) {
    stretches.back().words.push_back({std::string(text), {id}, true});
  }
  void word(std::string_view text) {
    TracedWord word{.text = std::string(text), .ids = {}};
    model.encode(text, word.ids);
    stretches.back().words.push_back(std::move(word));
  }
};

}  // namespace

std::string TracedStretch::joined() const {
  std::string text;
  for (const TracedWord& word : words) {
    text += word.text;
  }
  return text;
}

std::vector<TokenId> TracedStretch::ids() const {
  std::vector<TokenId> all;
  for (const TracedWord& word : words) {
    all.insert(all.end(), word.ids.begin(), word.ids.end());
  }
  return id >= 0 ? std::vector<TokenId>{id} : all;
}

std::vector<TracedStretch> trace_tokenizer(const Tokenizer::Impl& tokenizer,
                                           std::string_view text) {
  Tracer tracer{*tokenizer.model};
  tokenizer.walk(text, tracer);
  return std::move(tracer.stretches);
}

}  // namespace headscope
