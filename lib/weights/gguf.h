// GGUF v2 and v3: metadata, vocabulary and (quantised) tensors of a memory-mapped file, or of the
// parts NAME-00001-of-00003.gguf, … that llama.cpp splits a large one into.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include "lib/base/json.h"
#include "lib/weights/mapped_weights.h"

namespace headscope {

class GgufFile final : public MappedWeights {
 public:
  // `path` is the first part of a split file. Throws DataError (a part that is missing, no first
  // one or another file's, bad magic or version, overlong string, overflowing dimension, a tensor
  // outside the file, an unknown tensor type), naming the file and the entry. Tensors in a known
  // quantisation that headscope cannot decode are listed; reading them is the error.
  explicit GgufFile(const std::filesystem::path& path);

  // Key → value; arrays become JSON arrays. Strings keep their bytes, which need not be UTF-8 (dump
  // them with Json::error_handler_t::replace).
  [[nodiscard]] const Json& metadata() const { return metadata_; }

 private:
  Json add_file(const std::filesystem::path& path);  // gives its metadata

  Json metadata_;
};

// The first part of the split file that the folder holds; empty if there is none. DataError if
// there are several.
std::filesystem::path find_first_gguf_part(const std::filesystem::path& directory);

}  // namespace headscope
