// Keys and values of heads that see the first tokens and the last ones alone: the first in places
// of their own, the last in a ring, so that what is kept does not grow with the text.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/attention/streaming_attention.h"
#include "lib/model/placed_tokens.h"

namespace headscope {

// Of some KV heads of one layer. The columns held so far and the padding of rows are told by its
// owner (KvCache) and not kept here.
class SinkRing {
 public:
  // Where a cache is: columns held, and of each row how many of them are padding.
  struct Held {
    std::int64_t columns = 0;
    std::vector<std::int64_t> pads{};
  };
  struct Entry {
    Tensor k, v;
  };

  explicit SinkRing(const KeptKeys& kept) : kept_(kept) {}
  // Of a cache that holds everything: the part of `whole` [B, columns, n, d_head] that is kept.
  SinkRing(const KeptKeys& kept, const Entry& whole, const Held& held);

  [[nodiscard]] const KeptKeys& kept() const { return kept_; }
  [[nodiscard]] std::int64_t bytes() const;

  // Keeps [B, T, n, d_head], the columns from held.columns on. `pads` is held.pads where the keys
  // lie, or undefined if all are 0.
  void append(const Entry& next, const Held& held, const Tensor& pads);
  // The same, and what queries in these columns see.
  StreamedKeys extend(const Entry& next, const Held& held, const Tensor& pads);

  // Keeps one column of each row, where `at` tells.
  void put(const Entry& next, const PlacedTokens& at, bool past_sinks);

  // All places [B, sink + local, n, d_head], for one query of each row in the column that was kept
  // last, `column` [1] on the device; `hidden` [B, 1, 1, places]: those that hold nothing it sees.
  struct Slots {
    Tensor k, v, hidden;
  };
  [[nodiscard]] Slots slots(const Tensor& column, const Tensor& pads) const;
  // The same where every row is so long that every place is seen.
  [[nodiscard]] Slots full_slots() const { return {k_, v_, {}}; }
  [[nodiscard]] std::int64_t places() const { return kept_.sink + kept_.local; }

  [[nodiscard]] SinkRing fork() const;

  // These rows alone, their columns counted from `shared` on; `held` is of before.
  [[nodiscard]] SinkRing of_rows(const Tensor& rows, std::int64_t shared, const Held& held) const;

  // The rows of several, below each other, in a cache that holds `columns`.
  struct Part {
    const SinkRing* ring;
    Held held;
  };
  static SinkRing joined(const std::vector<Part>& parts, std::int64_t columns);

 private:
  // Of the columns before and those of `next`.
  [[nodiscard]] StreamedKeys seen_by(const Entry& next, const Held& held) const;
  [[nodiscard]] Entry latest(std::int64_t count, std::int64_t columns) const;
  void put_latest(const Entry& latest, std::int64_t row, std::int64_t columns);
  void make(const Entry& like, std::int64_t rows);

  KeptKeys kept_;
  Tensor k_, v_;  // [B, sink + local, n, d_head]: column c lies at sink + c mod local
};

}  // namespace headscope
