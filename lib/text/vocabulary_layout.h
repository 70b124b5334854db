// What the tokenizer classes of transformers do around a bare vocabulary.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/text/tokenizer_files.h"

namespace headscope {

struct VocabularyLayout {
  enum class Files { vocab_txt, vocab_json };

  // A special token that the class has where no file names one.
  struct Named {
    const char* name;
    const char* text;
  };

  std::string_view tokenizer_class;
  std::vector<std::string_view> model_types;  // of config.json, whose class this is
  Files files;
  std::vector<Named> special;
  // Puts normalizer, pre_tokenizer, decoder and, if it is the class's own, post_processor into a
  // tokenizer.json whose `model` is there.
  void (*fill)(const TokenizerFiles& files, Json& spec);

  // Lets `files` name what the class names where they are silent.
  void name_special(TokenizerFiles& files) const;

  // A tokenizer.json of this class around `model`. `files` name the special tokens.
  [[nodiscard]] Json spec(const TokenizerFiles& files, Json model) const;
};

// The layout of the directory's class. Throws DataError, naming those that headscope knows, for
// another.
const VocabularyLayout& vocabulary_layout(const TokenizerFiles& files,
                                          VocabularyLayout::Files kind);

}  // namespace headscope
