// Keys (rotated) and values of the tokens already seen, so that the next ones need not be preceded
// by them again. Heads that see the first and the last tokens alone may keep no others: a cache of
// two parts, everything of some heads and a ring of the others (kv_parts.h says of which).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "lib/model/batch.h"
#include "lib/model/sink_ring.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// KV heads of a layer, each in one of them, in ascending order.
struct KvParts {
  // A part's heads as tensors where the layer lies, int64: made once, so that a step of decoding
  // copies nothing from the host.
  struct Index {
    Tensor queries{};   // the query heads that share …
    Tensor kv_heads{};  // … these
  };
  struct Streamed {
    KeptKeys kept{};
    std::vector<std::int64_t> heads{};
    Index index{};
  };
  std::vector<std::int64_t> whole{};  // those that keep everything
  Index whole_index{};
  std::vector<Streamed> streamed{};  // none: every head keeps everything
};

// Movable only: a copy would share buffers that are written in place.
class KvCache {
 public:
  explicit KvCache(const ModelConfig& config)
      : layers_(static_cast<std::size_t>(config.n_layers)) {}
  // In two parts; what it holds of a layer is then what append(), put() and ring() are given for
  // the heads of each. An empty list: every head keeps everything.
  KvCache(const ModelConfig& config, std::vector<KvParts> parts);
  KvCache(KvCache&&) = default;
  KvCache& operator=(KvCache&&) = default;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;
  ~KvCache() = default;

  // True if some heads of the layer, or of any, keep the first and the last tokens alone.
  [[nodiscard]] bool streams(std::int64_t layer) const;
  [[nodiscard]] bool streams() const;
  [[nodiscard]] const KvParts& parts(std::int64_t layer) const {
    return parts_.at(static_cast<std::size_t>(layer));
  }
  // What is kept of parts(layer).streamed[index].
  [[nodiscard]] SinkRing& ring(std::int64_t layer, std::size_t index) {
    return layers_.at(static_cast<std::size_t>(layer)).rings.at(index);
  }
  [[nodiscard]] SinkRing::Held held() const { return {columns_, pads_}; }

  // Bytes of the columns held, without room to grow; and what they would be, if every head kept
  // everything.
  struct Bytes {
    std::int64_t kept = 0;
    std::int64_t whole = 0;
  };
  [[nodiscard]] Bytes bytes() const;

  // A cache of the same tokens that goes on by itself: everything held is cloned.
  [[nodiscard]] KvCache fork() const;

  [[nodiscard]] std::int64_t layers() const { return static_cast<std::int64_t>(layers_.size()); }

  // Columns held so far, padding included.
  [[nodiscard]] std::int64_t columns() const { return columns_; }

  // The layout of a batch that continues what is cached. The first batch may be padded; later ones
  // must have as many rows and no padding of their own (UsageError).
  [[nodiscard]] BatchLayout continue_with(const BatchLayout& batch) const;

  // Appends [B, T, heads, d_head], the KV heads that keep everything, and returns all they have of
  // that layer, [B, columns + T, …].
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
  // cache changes. Undefined if nothing is held; UsageError if the layer streams.
  [[nodiscard]] Entry view(std::int64_t layer) const;

  // A cache of the first `columns` alone, to go on with by itself. Every row must have a token
  // among them, and none may stream: what a ring has dropped is gone (UsageError).
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
    Tensor k, v;  // [B, capacity, heads that keep everything, d_head]
    std::vector<SinkRing> rings{};
  };
  KvCache(std::vector<Buffer> layers, std::vector<KvParts> parts)
      : layers_(std::move(layers)), parts_(std::move(parts)) {}
  void check_columns(std::int64_t columns) const;
  void join_layer(std::size_t layer, const std::vector<const KvCache*>& caches, std::int64_t room);

  std::int64_t columns_ = 0;
  std::vector<std::int64_t> pads_;
  std::vector<Buffer> layers_;
  std::vector<KvParts> parts_;  // a layer each; empty: every head keeps everything
};

}  // namespace headscope
