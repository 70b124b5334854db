// GGUF v2 and v3: metadata, vocabulary and (quantised) tensors of one memory-mapped file.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include "lib/weights/weight_source.h"

namespace headscope {

class GgufFile final : public WeightSource {
 public:
  // Throws DataError (bad magic or version, overlong string, overflowing dimension, a tensor
  // outside the file, an unknown tensor type), naming the file and the entry.
  explicit GgufFile(const std::filesystem::path& path);
  ~GgufFile() override;

  // Key → value; arrays become JSON arrays. Strings keep their bytes, which need not be UTF-8.
  [[nodiscard]] const Json& metadata() const;

  [[nodiscard]] const std::vector<StoredTensor>& tensors() const override;
  void read_rows(const StoredTensor& tensor,
                 std::int64_t begin,
                 std::int64_t end,
                 DType dtype,
                 void* out) const override;
  [[nodiscard]] std::string hash() const override;
  [[nodiscard]] std::vector<std::filesystem::path> files() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headscope
