// The `model` entry of tokenizer.json, of every type.
#pragma once

#include <memory>
#include <string>

#include "lib/base/json_fwd.h"
#include "lib/text/bpe.h"
#include "lib/text/word_model.h"

namespace headscope {

struct WordModelParts {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::unique_ptr<const WordModel> model;
  std::string kind;  // "byte-level BPE", for people
};

// BPE, WordLevel, Unigram or WordPiece; where no type is written, as in old files, what its fields
// say. Throws DataError for another type, for one after ByteLevel (Alphabet::bytes) that is no BPE,
// and for what a model does not implement, named.
WordModelParts read_word_model(const Json& model, Alphabet alphabet, const std::string& where);

}  // namespace headscope
