// Where weights come from: one interface over safetensors directories and GGUF files. Free of
// Torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/dtype.h"
#include "lib/base/json_fwd.h"

namespace headscope {

struct Encoding;

// One stored tensor. `shape` is row-major, slowest axis first, as PyTorch prints it (GGUF's own
// order reversed). A row is the last axis.
struct StoredTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string encoding;  // "F32", "BF16", "Q4_1", …, as the file spells it

  [[nodiscard]] std::int64_t row_length() const { return shape.empty() ? 1 : shape.back(); }
  [[nodiscard]] std::int64_t rows() const;  // product of all axes but the last
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  // Every tensor, in file order.
  [[nodiscard]] virtual const std::vector<StoredTensor>& tensors() const = 0;

  // Decodes rows [begin, end) of `tensor` to `dtype` at `out`, which holds (end − begin) ×
  // row_length() elements and is aligned for them. Thread-safe, and parallel inside. Quantised
  // formats decode to f32 exactly as the `gguf` Python package does, then round to `dtype`.
  // Throws DataError for an encoding that headscope only lists.
  virtual void read_rows(const StoredTensor& tensor,
                         std::int64_t begin,
                         std::int64_t end,
                         DType dtype,
                         void* out) const = 0;

  // What a file holds of `tensor`, undecoded: rows [0, rows()) one after the other in an encoding
  // that read_rows() decodes. Nothing where they do not lie so.
  struct Blocks {
    const Encoding* encoding = nullptr;
    std::span<const std::uint8_t> bytes;
  };
  [[nodiscard]] virtual std::optional<Blocks> blocks(const StoredTensor&) const {
    return std::nullopt;
  }

  // Hints: the tensor's bytes are needed soon, so the disk may begin; or no more, so that the
  // process need not hold their pages (MappedFile).
  virtual void will_read(const StoredTensor& tensor) const = 0;
  virtual void done_with(const StoredTensor& tensor) const = 0;

  // Every weight file's bytes, for provenance ("xxh3:…").
  [[nodiscard]] virtual std::string hash() const = 0;

  // The paths read, for messages and provenance.
  [[nodiscard]] virtual std::vector<std::filesystem::path> files() const = 0;

  // The tensor of that name, or nullptr.
  [[nodiscard]] virtual const StoredTensor* find(std::string_view name) const = 0;
};

// A Hugging Face directory (model.safetensors, or else the shards its index lists) or one
// .safetensors file. Throws DataError for missing shards, truncated, overlapping, oversized or
// mis-typed entries. Tensors of other dtypes than F32, F16 and BF16 are listed; reading them is the
// error. Pairs in MXFP4 (lib/weights/mxfp4_weights.h) count as one tensor.
std::unique_ptr<WeightSource> open_safetensors(const std::filesystem::path& path);

}  // namespace headscope
