// What a head computes in place of attention over all keys that it sees: fewer keys, other scores,
// another normalizer. What there is: lib/attention/operators.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/attention/attention.h"

namespace headscope {

// What an operator is shown of heads that have it: queries that run together and all their keys.
struct OperatorInputs {
  const AttentionInputs& attention;  // of these heads: q [B, T, h, d_head]
  // Where each token lies in its prompt, from 0, whatever pads it or came before: int64,
  // [B or 1, 1, T, 1] and [B or 1, 1, 1, S]. Below 0: padding.
  Tensor query;
  Tensor key;
};

// The first `sink` tokens of a prompt and the last `local` before a query, its own counted.
struct KeptKeys {
  std::int64_t sink = 0;
  std::int64_t local = 0;  // at least 1
  bool operator==(const KeptKeys&) const = default;
};

// What it makes of a query depends on that query and on the keys it sees, never on other queries,
// on padding or on which of the keys came from a cache: so that chunks, caches, kept prefixes and
// batches give what one pass over a prompt does. Immutable; called from several threads.
class HeadOperator {
 public:
  HeadOperator() = default;
  HeadOperator(const HeadOperator&) = delete;
  HeadOperator& operator=(const HeadOperator&) = delete;
  virtual ~HeadOperator() = default;

  // From scores [B, h, T, S] f32, keys that are not seen −∞, to those that the normalizer takes.
  // Nothing is changed in place. Every query keeps a key, and none sees more than before.
  [[nodiscard]] virtual Tensor scores(const OperatorInputs& in, const Tensor& scores) const = 0;

  // Where it brings a normalizer of its own: the pattern [B, h, T, S] of such scores.
  [[nodiscard]] virtual bool normalizes() const { return false; }
  [[nodiscard]] virtual Tensor pattern(const Tensor& scores) const;

  // With at most so many keys it leaves attention as it is, to the last bit.
  [[nodiscard]] virtual std::int64_t changes_nothing_up_to() const { return 0; }

  // Where all it does is hide every key but these: others need be neither read nor kept.
  [[nodiscard]] virtual std::optional<KeptKeys> kept_keys() const { return std::nullopt; }
};

}  // namespace headscope
