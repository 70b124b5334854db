// In which order a stream hands out rows: decided by the prompts, the filter and the seed alone, so
// that a trace and a live model give the same.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hooks/trace/trace_schema.h"

namespace headscope {

// Where a row of activations came from.
struct RowPlace {
  std::int32_t trace = 0;     // which of the traces, from 0; of a live model 0
  std::int32_t prompt = 0;    // its prompt, from 0
  std::int32_t position = 0;  // the token, from 0
  bool operator==(const RowPlace&) const = default;
};

// Whether a stream takes the row of this token. Asked once a token, when the stream is made.
using RowFilter = std::function<bool(const Prompt& prompt, std::int64_t position)>;

RowFilter all_positions();
RowFilter positions_from(std::int64_t first);  // leaves out what lies before, such as the BOS token
RowFilter last_position();                     // one row a prompt
RowFilter in_span(std::string name);           // of a prompt without such a span: none

// Consecutive prompts of one trace that are read together.
struct RowBlock {
  std::int32_t trace = 0;
  std::size_t first = 0;  // prompt
  std::size_t count = 0;
  std::int64_t tokens = 0;
  std::int64_t rows = 0;  // tokens that the filter takes
};

// Which rows there are.
class ActivationRows {
 public:
  // `traces`: the prompts of each. A block has at most `block_rows` rows of at most twice as many
  // tokens, but never less than a prompt.
  ActivationRows(const std::vector<const std::vector<Prompt>*>& traces,
                 const RowFilter& filter,
                 std::int64_t block_rows);

  [[nodiscard]] std::int64_t total() const { return total_; }
  [[nodiscard]] std::int64_t largest_block() const { return largest_block_; }
  [[nodiscard]] const std::vector<RowBlock>& blocks() const { return blocks_; }

  // Calls take(place, token) for each row of a block, in order; `token` counts all tokens of the
  // block's prompts, taken or not.
  void for_each(const RowBlock& block,
                const std::function<void(const RowPlace&, std::int64_t token)>& take) const;

 private:
  struct TraceRows {
    std::vector<std::int64_t> begin;  // of each prompt among the trace's tokens; and the end
    std::vector<bool> taken;          // one a token
  };
  void add_blocks(std::int32_t trace, std::int64_t block_rows);

  std::vector<TraceRows> traces_;
  std::vector<RowBlock> blocks_;
  std::int64_t total_ = 0;
  std::int64_t largest_block_ = 0;
};

// Blocks that are in memory, and mixed, together.
struct RowPool {
  std::vector<RowBlock> blocks;
  std::vector<std::int64_t> order;  // where each of the pool's rows goes
};

enum class RowOrder { shuffled, as_stored };

// Rows of all of a pool's blocks.
std::int64_t rows_of(const RowPool& pool);

struct PoolOptions {
  RowOrder order = RowOrder::shuffled;
  std::int64_t pool_rows = 0;   // the most in a pool
  std::int64_t first_rows = 0;  // the most in the first, doubled from pool to pool; 0: pool_rows
  std::uint64_t seed = 0;
};

// One epoch: blocks from all over in pools of at most so many rows, but never less than a block,
// the rows of a pool shuffled.
std::vector<RowPool> epoch_pools(const ActivationRows& rows,
                                 const PoolOptions& options,
                                 std::int64_t epoch);

// The order of a pool, which is made only when it is read: `pool` counts the epoch's.
void shuffle_pool(
    RowPool& pool, RowOrder order, std::uint64_t seed, std::int64_t epoch, std::size_t index);

}  // namespace headscope
