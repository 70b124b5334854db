// The pieces of a SentencePiece model, looked up as its algorithms do.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "lib/text/prefix_trie.h"
#include "lib/text/sentence_piece_file.h"
#include "lib/text/token_index.h"
#include "lib/text/vocabulary.h"

namespace headscope {

class SentencePieces {
 public:
  explicit SentencePieces(const SentencePieceFile& file);
  SentencePieces(const SentencePieces&) = delete;
  SentencePieces& operator=(const SentencePieces&) = delete;

  // Every piece by its text.
  [[nodiscard]] const std::shared_ptr<const Vocabulary>& vocabulary() const { return vocabulary_; }

  // The piece `text` that texts may be cut into (normal, user-defined or unused), or −1.
  [[nodiscard]] TokenId find(std::string_view text) const { return cuttable_.find(text); }

  // Control, unknown and byte pieces too; −1 if there is none.
  [[nodiscard]] TokenId find_any(std::string_view text) const { return vocabulary_->find(text); }

  [[nodiscard]] float score(TokenId id) const { return scores_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] PieceType type(TokenId id) const { return types_[static_cast<std::size_t>(id)]; }

  // The length in bytes of the longest user-defined piece that `text` begins with, or 0.
  [[nodiscard]] std::size_t user_defined_length(std::string_view text) const;

  // The pieces that texts may be cut into: text and id.
  [[nodiscard]] std::vector<std::pair<std::string_view, TokenId>> cuttable() const;

  // Appends the piece `text` with the id `id` (−1: unknown). Unknown pieces become their bytes'
  // where the model falls back to bytes; else neighbours are one token: `after_unknown` is whether
  // the piece before was unknown, and says so of this one afterwards.
  void append(std::string_view text,
              TokenId id,
              bool& after_unknown,
              std::vector<TokenId>& out) const;

 private:
  [[nodiscard]] std::vector<std::pair<std::string_view, TokenId>> of_types(
      const std::vector<PieceType>& types) const;

  std::vector<float> scores_;
  std::vector<PieceType> types_;
  TokenId unk_;
  bool byte_fallback_;
  std::vector<TokenId> byte_tokens_;  // empty without byte_fallback
  std::shared_ptr<const Vocabulary> vocabulary_;
  TokenIndex cuttable_;
  PrefixTrie user_defined_;
};

}  // namespace headscope
