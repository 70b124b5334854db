// GGUF v2 and v3: metadata, vocabulary and (quantised) tensors of one memory-mapped file.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include "lib/base/json.h"
#include "lib/weights/mapped_weights.h"

namespace headscope {

class GgufFile final : public MappedWeights {
 public:
  // Throws DataError (bad magic or version, overlong string, overflowing dimension, a tensor
  // outside the file, an unknown tensor type), naming the file and the entry. Tensors in a known
  // quantisation that headscope cannot decode are listed; reading them is the error.
  explicit GgufFile(const std::filesystem::path& path);

  // Key → value; arrays become JSON arrays. Strings keep their bytes, which need not be UTF-8 (dump
  // them with Json::error_handler_t::replace).
  [[nodiscard]] const Json& metadata() const { return metadata_; }

 private:
  Json metadata_;
};

}  // namespace headscope
