// WordPiece: a word is cut into the longest tokens from the left; those that continue a word are
// spelt with a prefix ("##ing"). A word that cannot be cut so is unknown as a whole (Schuster and
// Nakajima 2012; Devlin et al. 2019).
#pragma once

#include <memory>
#include <string>

#include "lib/text/prefix_trie.h"
#include "lib/text/vocabulary.h"
#include "lib/text/word_model.h"

namespace headscope {

struct WordPieceOptions {
  TokenId unk = -1;                // −1: encode() throws UnknownWord for an unknown word
  std::string prefix = "##";       // of tokens that continue a word
  std::size_t longest_word = 100;  // in characters: a longer one is unknown
};

class WordPiece : public WordModel {
 public:
  WordPiece(std::shared_ptr<const Vocabulary> vocabulary, const WordPieceOptions& options);

  void encode(std::string_view word, std::vector<TokenId>& out) const override;

 private:
  [[nodiscard]] bool cut(std::string_view word, std::vector<TokenId>& out) const;

  std::shared_ptr<const Vocabulary> vocabulary_;
  WordPieceOptions options_;
  PrefixTrie opening_;
  PrefixTrie continuing_;  // without the prefix
};

}  // namespace headscope
