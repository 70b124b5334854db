// SentencePiece's unigram model: of all ways to cut a text into pieces the one of the highest sum
// of scores (Kudo 2018), in 32-bit sums as SentencePiece has them.
#pragma once

#include <memory>
#include <vector>

#include "lib/text/prefix_trie.h"
#include "lib/text/sentence_pieces.h"
#include "lib/text/word_model.h"

namespace headscope {

class SentencePieceUnigram : public WordModel {
 public:
  explicit SentencePieceUnigram(std::shared_ptr<const SentencePieces> pieces);

  // `text`: a whole normalised stretch. O(its length × the longest piece).
  void encode(std::string_view text, std::vector<TokenId>& out) const override;

 private:
  // The best way to reach a place: the last piece, −1 for an unknown one, and where it begins.
  struct Arrival {
    float score = 0;
    std::size_t begin = 0;
    TokenId id = -1;
    bool reached = false;

    void offer(float candidate, std::size_t from, TokenId piece);
  };
  [[nodiscard]] float score_of(TokenId id, std::size_t length) const;
  void leave(std::string_view text, std::size_t begin, std::vector<Arrival>& arrivals) const;

  std::shared_ptr<const SentencePieces> pieces_;
  PrefixTrie trie_;
  float lowest_;   // of the scores of normal pieces
  float highest_;  // … or the smallest positive number, if that is higher
};

}  // namespace headscope
