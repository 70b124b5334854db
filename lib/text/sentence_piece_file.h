// A SentencePiece model (Kudo and Richardson 2018; `tokenizer.model`) as its file says it, checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

enum class PieceType { normal = 1, unknown, control, user_defined, unused, byte };

struct SentencePiece {
  std::string text;  // valid UTF-8, not empty
  float score = 0;   // unigram: a log probability; BPE: what is higher merges first
  PieceType type = PieceType::normal;
};

struct SentencePieceFile {
  enum class Algorithm { unigram = 1, bpe = 2 };

  std::vector<SentencePiece> pieces;  // by id; their texts differ, one is of the type unknown
  Algorithm algorithm = Algorithm::unigram;
  bool byte_fallback = false;               // then there is a piece <0xNN> of every byte
  bool treat_whitespace_as_suffix = false;  // "word▁" rather than "▁word"
  TokenId unk = 0;                          // the piece of type unknown
  TokenId bos = 1;                          // −1: none, here and below
  TokenId eos = 2;

  std::string precompiled_charsmap;  // empty: characters stay as they are
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;  // spaces become ▁

  // Throws DataError, opened by `where`: cut off, a piece twice, empty, no UTF-8 or without a
  // proper score, not one unknown piece, byte pieces missing, or of the types word and char.
  static SentencePieceFile parse(std::string_view bytes, const std::string& where);
};

}  // namespace headscope
