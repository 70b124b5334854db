#include "lib/text/word_piece.h"

#include "lib/text/unicode.h"
#include "lib/text/unknown_word.h"

namespace headscope {
namespace {

PrefixTrie tokens_after(const Vocabulary& vocabulary, std::string_view prefix) {
  std::vector<std::pair<std::string_view, TokenId>> entries;
  for (TokenId id = 0; id < vocabulary.end_id(); ++id) {
    const auto text = vocabulary.text(id);
    if (text && text->starts_with(prefix)) {
      entries.emplace_back(text->substr(prefix.size()), id);
    }
  }
  return PrefixTrie(std::move(entries));
}

bool longer_than(std::string_view word, std::size_t characters) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < word.size(); at += utf8_length(word[at])) {
    if (++count > characters) {
      return true;
    }
  }
  return false;
}

}  // namespace

WordPiece::WordPiece(std::shared_ptr<const Vocabulary> vocabulary, const WordPieceOptions& options)
    : vocabulary_(std::move(vocabulary)),
      options_(options),
      opening_(tokens_after(*vocabulary_, "")),
      continuing_(tokens_after(*vocabulary_, options.prefix)) {}

void WordPiece::encode(std::string_view word, std::vector<TokenId>& out) const {
  const std::size_t begin = out.size();
  if (!longer_than(word, options_.longest_word) && cut(word, out)) {
    return;
  }
  if (options_.unk < 0) {
    throw UnknownWord("'{}' is no word of this tokenizer, which has no token for unknown ones",
                      word);
  }
  out.resize(begin);
  out.push_back(options_.unk);
}

bool WordPiece::cut(std::string_view word, std::vector<TokenId>& out) const {
  const PrefixTrie* tokens = &opening_;
  while (!word.empty()) {
    std::size_t longest = 0;
    TokenId id = -1;
    tokens->prefixes(word, [&](std::size_t length, TokenId token) {
      longest = length;
      id = token;
    });
    if (id < 0) {
      return false;
    }
    out.push_back(id);
    word.remove_prefix(longest);
    tokens = &continuing_;
  }
  return true;
}

}  // namespace headscope
