// The `model` entry of tokenizer.json of the type Unigram.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/text/unigram.h"

namespace headscope {

struct UnigramParts {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::vector<double> scores;
  UnigramOptions options;
};

// {"vocab": [["text", log probability], …], "unk_id": …, "byte_fallback": …}.
UnigramParts read_unigram(const Json& model, const std::string& where);

}  // namespace headscope
