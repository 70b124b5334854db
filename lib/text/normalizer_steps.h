// The normalisers of tokenizer.json, one by one. A new one is a function here, in a file of its own
// if it is long, and a line in normalizer.cpp.
#pragma once

#include <functional>
#include <string>

#include "lib/base/json_fwd.h"

namespace headscope {

using NormalizerStep = std::function<std::string(std::string)>;  // valid UTF-8 → valid UTF-8

std::string lowercase(const std::string& text);

// {"clean_text", "handle_chinese_chars", "strip_accents", "lowercase"}: BERT's.
NormalizerStep bert_normalizer(const Json& spec, const std::string& where);

// {"precompiled_charsmap"}: the table of a SentencePiece model, in base 64.
NormalizerStep precompiled_normalizer(const Json& spec, const std::string& where);

NormalizerStep nmt_normalizer(const Json& spec, const std::string& where);
NormalizerStep strip_accents_normalizer(const Json& spec, const std::string& where);

}  // namespace headscope
