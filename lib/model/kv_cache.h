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

  [[nodiscard]] std::int64_t layers() const { return static_cast<std::int64_t>(layers_.size()); }

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

  // Room for `columns` in all, more than are held; zeros in those that are free. What is held
  // moves.
  void make_room(std::int64_t columns);
  // Columns there is room for; 0 of an empty cache.
  [[nodiscard]] std::int64_t room() const;
  // Puts [B, 1, n_kv_heads, d_head] into the column that `column` [1] (int64, on the device) tells
  // and returns all there is room for of that layer, [B, room, …].
  Entry put(std::int64_t layer, const Tensor& k, const Tensor& v, const Tensor& column);

  // After every layer has appended or put.
  void advance(const BatchLayout& layout);

  // Columns of padding at the left of each row; as many as there are rows, none of an empty cache.
  [[nodiscard]] const std::vector<std::int64_t>& pads() const { return pads_; }
  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(pads_.size()); }

  // Keys and values held of a layer [B, columns, n_kv_heads, d_head]: no copy, so good until the
  // cache changes. Undefined if nothing is held.
  [[nodiscard]] Entry view(std::int64_t layer) const;

  // A cache of the first `columns` alone, to go on with by itself. Every row must have a token
  // among them (UsageError).
  [[nodiscard]] KvCache slice(std::int64_t columns) const;

  // Forgets what lies behind the first `columns`; room for it stays. As slice() otherwise.
  void truncate(std::int64_t columns);

  // The rows of `other`, of the same model, below these. The shorter of the two is padded at the
  // left; columns that are padding in every row are not kept.
  void append_rows(const KvCache& other);

  // Takes the rows out, in ascending order and each once (UsageError); the others stay in order.
  void drop_rows(const std::vector<std::int64_t>& rows);

  // All rows of `caches` in one, with room for `room` more columns: append_rows() of each to the
  // first, copied once.
  static KvCache joined(const std::vector<const KvCache*>& caches, std::int64_t room);

 private:
  struct Buffer {
    Tensor k, v;  // [B, capacity, n_kv_heads, d_head]
  };
  explicit KvCache(std::vector<Buffer> layers) : layers_(std::move(layers)) {}
  void check_columns(std::int64_t columns) const;

  std::int64_t columns_ = 0;
  std::vector<std::int64_t> pads_;
  std::vector<Buffer> layers_;
};

}  // namespace headscope
