#include "analyses/task/fit_spans.h"

namespace headscope {
namespace {

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// The tokens of the marked word: from its first letter where a token begins there, else with the
// blank before it, which most tokenizers make part of the word.
Span span_of(const std::string& name, const TextRange& mark, const EncodedText& prompt) {
  auto begin = prompt.tokens_until(mark.begin);
  if (!begin && mark.begin > 0 && prompt.text[mark.begin - 1] == ' ') {
    begin = prompt.tokens_until(mark.begin - 1);
  }
  const auto end = prompt.tokens_until(mark.end);
  const std::string word = prompt.text.substr(mark.begin, mark.end - mark.begin);
  if (begin && end && *begin < *end) {
    const std::vector<TokenId> tokens(prompt.tokens.begin() + *begin, prompt.tokens.begin() + *end);
    if (trimmed(prompt.tokenizer->decode(tokens)) == trimmed(word)) {
      return {*begin, *end};
    }
  }
  throw UnfitItem("{} ('{}') does not begin and end with a token", name, word);
}

}  // namespace

std::map<std::string, Span> spans_of(const MarkedText& marked,
                                     const std::vector<std::string>& names,
                                     const EncodedText& prompt) {
  const auto length = static_cast<std::int64_t>(prompt.tokens.size());
  std::map<std::string, Span> spans{{"end", {length - 1, length}}};
  for (const std::string& name : names) {
    const bool after = name.ends_with("+1");
    const auto mark = marked.marks.find(after ? name.substr(0, name.size() - 2) : name);
    if (mark == marked.marks.end()) {
      continue;  // a template need not have every word
    }
    const Span span = span_of(mark->first, mark->second, prompt);
    spans[name] = after ? Span{span.end, span.end + 1} : span;
    if (spans[name].end > length) {
      throw UnfitItem("nothing stands after {}", mark->first);
    }
  }
  return spans;
}

}  // namespace headscope
