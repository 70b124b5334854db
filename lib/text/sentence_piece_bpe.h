// SentencePiece's byte-pair encoding: of the neighbours that make a piece together those of the
// highest score are joined first, the leftmost among equals (Sennrich et al. 2016).
#pragma once

#include <memory>

#include "lib/text/sentence_pieces.h"
#include "lib/text/word_model.h"

namespace headscope {

class SentencePieceBpe : public WordModel {
 public:
  explicit SentencePieceBpe(std::shared_ptr<const SentencePieces> pieces);

  // `text`: a whole normalised stretch. O(n log n) in its length.
  void encode(std::string_view text, std::vector<TokenId>& out) const override;

 private:
  std::shared_ptr<const SentencePieces> pieces_;
  bool breaks_at_space_;  // no piece holds a ▁ after another character
};

}  // namespace headscope
