// A part of a hook point's value: some heads, positions, prompts, pairs of query and key. Heads of
// queries and of keys and values (KV heads) are different index spaces, each with a name of its
// own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hooks/token_choice.h"
#include "lib/model/tap.h"
#include "lib/text/tokenizer.h"

namespace headscope {

// Which query looks at which key, by their positions in the prompt; unset: every one.
struct AttentionPair {
  std::optional<std::int64_t> query{};
  std::optional<std::int64_t> key{};
  bool operator==(const AttentionPair&) const = default;
};

// Unset: all. Positions and pairs count a prompt's own tokens (padding never counts), negative ones
// from its end, and never select what the model wrote (where the layout tells one from the other);
// at scores and patterns positions select queries. Prompts are those of the layout: rows of the
// batch, or, where it says which (BatchLayout::prompts), the prompts they are.
struct Selection {
  std::optional<std::vector<std::int64_t>> heads{};  // of a point with the axis "head"
  std::optional<std::vector<std::int64_t>> positions{};
  std::optional<std::vector<std::int64_t>> prompts{};
  std::optional<std::vector<std::int64_t>> kv_heads{};  // of a point with the axis "kv_head"
  std::optional<std::vector<AttentionPair>> pairs{};    // of scores and patterns
  TokenChoice apply{};  // of the tokens that `positions` would select
  TokenChoice keys{};   // of scores and patterns: of the keys that a query sees

  [[nodiscard]] bool by_position() const {
    return positions || pairs || !apply.everything() || !keys.everything();
  }
  // Whether of a point's value it selects the same for every token that the model wrote, at
  // whatever step: positions of a prompt are none of those.
  [[nodiscard]] bool alike_for_written() const {
    return !pairs && keys.everything() && apply.alike_for_written();
  }
  [[nodiscard]] bool everything() const {
    return !heads && !prompts && !kv_heads && !by_position();
  }
};

// True if `whole` selects all that `part` does, whatever the prompts: as both are written, so that
// a position counted from the end is another one than any counted from the beginning.
bool is_within(const Selection& part, const Selection& whole);

// Throws UsageError if the point has no such axis or the index is out of range. Prompts and
// positions depend on the batch and are checked by selected().
void check(const Selection& selection, HookPoint point, const ModelConfig& config);

// True at the selected elements; broadcasts against the value. Bool, on the CPU. Positions are
// looked up in the selected prompts alone. Throws UsageError for a position that one of them does
// not have, and what RowTokens::chosen() does. `tokenizer` spells tokens where a text is looked
// for; null: UsageError there.
Tensor selected(const Selection& selection,
                const Visit& visit,
                const Tensor& value,
                const Tokenizer* tokenizer = nullptr);

// The axis of a site along which its values stand for tokens: "pos", "query", or "key" of keys
// alone; −1: none. And the column, counted from the first of the prompts, of its first value.
int token_axis(Site site);
std::int64_t first_column(const Visit& visit, const Tensor& value);

}  // namespace headscope
