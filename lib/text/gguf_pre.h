// What `tokenizer.ggml.pre` names: how a byte-level vocabulary's text is normalised and split.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headscope {

struct GgufPre {
  std::vector<std::string_view> patterns;  // applied one after the other
  bool nfc = false;
  bool ignore_merges = false;
  bool add_bos = false;  // where the file does not say
};

// Throws DataError, opened by `where`, naming a `pre` we do not know. Sources: llama.cpp's
// src/llama-vocab.cpp for the names, each model's tokenizer.json for what it does.
GgufPre gguf_pre(std::string_view name, const std::string& where);

}  // namespace headscope
