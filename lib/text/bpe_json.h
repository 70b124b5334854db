// The `model` entry of tokenizer.json of the types BPE and WordLevel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/text/bpe.h"

namespace headscope {

struct BpeParts {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::vector<RankedMerge> merges;
  BpeOptions options;
};

// Throws DataError for dropout, affixes, or merges outside the vocabulary.
BpeParts read_bpe(const Json& model, const std::string& where);

// As Hugging Face's, it fails at an unknown word where its unk_token is no token.
BpeParts read_word_level(const Json& model, const std::string& where);

// The merge of the tokens spelt `left` and `right`. Throws DataError if one of them or their union
// is no token.
RankedMerge ranked_merge(const Vocabulary& vocabulary,
                         std::string_view left,
                         std::string_view right,
                         std::size_t rank,
                         const std::string& where);

// "left right", as merges used to be written.
RankedMerge ranked_merge(const Vocabulary& vocabulary,
                         std::string_view line,
                         std::size_t rank,
                         const std::string& where);

}  // namespace headscope
