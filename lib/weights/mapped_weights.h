// What safetensors and GGUF share once their headers are read: named ranges of memory-mapped files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/mapped_file.h"
#include "lib/weights/encoding.h"
#include "lib/weights/weight_source.h"

namespace headscope {

class MappedWeights : public WeightSource {
 public:
  [[nodiscard]] const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  [[nodiscard]] const StoredTensor* find(std::string_view name) const override;

  // Large reads run on thread_count() threads.
  void read_rows(const StoredTensor& tensor,
                 std::int64_t begin,
                 std::int64_t end,
                 DType dtype,
                 void* out) const override;

  [[nodiscard]] std::optional<Blocks> blocks(const StoredTensor& tensor) const override;
  void will_read(const StoredTensor& tensor) const override;
  void done_with(const StoredTensor& tensor) const override;
  // What the file holds for `tensor`, undecoded.
  [[nodiscard]] std::span<const std::uint8_t> stored_bytes(const StoredTensor& tensor) const;

  // Computed at the first call, then kept.
  [[nodiscard]] std::string hash() const override;
  [[nodiscard]] std::vector<std::filesystem::path> files() const override;

 protected:
  struct Place {
    const MappedFile* file = nullptr;
    const Encoding* encoding = nullptr;
    std::span<const std::uint8_t> bytes;
  };

  // The file lives as long as this object. Throws DataError.
  const MappedFile& map(const std::filesystem::path& path);

  // `place` holds exactly the bytes that the shape and encoding need. Throws DataError if there is
  // a tensor of that name already.
  void add(StoredTensor tensor, Place place);

 private:
  [[nodiscard]] const Place& place_of(const StoredTensor& tensor) const;

  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::vector<std::unique_ptr<MappedFile>> files_;
  std::vector<StoredTensor> tensors_;
  std::vector<Place> places_;  // of tensors_
  std::unordered_map<std::string, std::size_t, NameHash, std::equal_to<>> index_;
  mutable std::once_flag hashed_;
  mutable std::string hash_;
};

}  // namespace headscope
