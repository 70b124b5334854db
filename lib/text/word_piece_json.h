// The `model` entry of tokenizer.json of the type WordPiece.
#pragma once

#include <memory>
#include <string>

#include "lib/base/json_fwd.h"
#include "lib/text/word_piece.h"

namespace headscope {

struct WordPieceParts {
  std::shared_ptr<const Vocabulary> vocabulary;
  WordPieceOptions options;
};

// {"vocab": {"text": id, …}, "unk_token": …, "continuing_subword_prefix": …,
// "max_input_chars_per_word": …}.
WordPieceParts read_word_piece(const Json& model, const std::string& where);

}  // namespace headscope
