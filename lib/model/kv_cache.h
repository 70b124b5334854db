// Keys (rotated) and values of the tokens already seen, so that the next ones need not be preceded
// by them again.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "lib/model/batch.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// Movable only: a copy would share buffers that are written in place.
class KvCache {
 public:
  explicit KvCache(const ModelConfig& config)
      : layers_(static_cast<std::size_t>(config.n_layers)) {}
  KvCache(KvCache&&) = default;
  KvCache& operator=(KvCache&&) = default;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;
  ~KvCache() = default;

  // A cache of the same tokens that goes on by itself: everything held is cloned.
  [[nodiscard]] KvCache fork() const;

  // Columns held so far, padding included.
  [[nodiscard]] std::int64_t columns() const { return columns_; }

  // The layout of a batch that continues what is cached. The first batch may be padded; later ones
  // must have as many rows and no padding of their own (UsageError).
  [[nodiscard]] BatchLayout continue_with(const BatchLayout& batch) const;

  // Appends [B, T, n_kv_heads, d_head] and returns everything of that layer, [B, columns + T, …].
  struct Entry {
    Tensor k, v;
  };
  Entry append(std::int64_t layer, const Tensor& k, const Tensor& v);

  // After every layer has appended.
  void advance(const BatchLayout& layout);

 private:
  struct Buffer {
    Tensor k, v;  // [B, capacity, n_kv_heads, d_head]
  };
  explicit KvCache(std::vector<Buffer> layers) : layers_(std::move(layers)) {}

  std::int64_t columns_ = 0;
  std::vector<std::int64_t> pads_;
  std::vector<Buffer> layers_;
};

}  // namespace headscope
