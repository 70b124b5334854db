#include "hooks/activation_rows.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "lib/base/mersenne_random.h"

namespace headscope {
namespace {

// A generator of its own for each part of each epoch.
MersenneRandom generator_of(std::uint64_t seed, std::int64_t epoch, std::size_t part) {
  std::seed_seq mixed{static_cast<std::uint32_t>(seed),
                      static_cast<std::uint32_t>(seed >> 32),
                      static_cast<std::uint32_t>(epoch),
                      static_cast<std::uint32_t>(part)};
  return MersenneRandom(mixed);
}

}  // namespace

RowFilter all_positions() {
  return [](const Prompt&, std::int64_t) { return true; };
}

RowFilter positions_from(std::int64_t first) {
  return [first](const Prompt&, std::int64_t position) { return position >= first; };
}

RowFilter last_position() {
  return [](const Prompt& prompt, std::int64_t position) {
    return position + 1 == std::ssize(prompt.tokens);
  };
}

RowFilter in_span(std::string name) {
  return [name = std::move(name)](const Prompt& prompt, std::int64_t position) {
    const auto span = prompt.spans.find(name);
    return span != prompt.spans.end() && position >= span->second.begin &&
           position < span->second.end;
  };
}

ActivationRows::ActivationRows(const std::vector<const std::vector<Prompt>*>& traces,
                               const RowFilter& filter,
                               std::int64_t block_rows) {
  for (const std::vector<Prompt>* prompts : traces) {
    TraceRows& rows = traces_.emplace_back();
    for (const Prompt& prompt : *prompts) {
      rows.begin.push_back(std::ssize(rows.taken));
      for (std::int64_t position = 0; position < std::ssize(prompt.tokens); ++position) {
        rows.taken.push_back(filter(prompt, position));
      }
    }
    rows.begin.push_back(std::ssize(rows.taken));
    add_blocks(static_cast<std::int32_t>(traces_.size() - 1), block_rows);
  }
}

void ActivationRows::add_blocks(std::int32_t trace, std::int64_t block_rows) {
  const TraceRows& rows = traces_[static_cast<std::size_t>(trace)];
  RowBlock block{trace, 0, 0, 0, 0};
  const auto close = [&] {
    if (block.rows > 0) {
      blocks_.push_back(block);
      total_ += block.rows;
      largest_block_ = std::max(largest_block_, block.rows);
    }
    block = {trace, block.first + block.count, 0, 0, 0};
  };
  for (std::size_t prompt = 0; prompt + 1 < rows.begin.size(); ++prompt) {
    const auto own = rows.taken.begin();
    const std::int64_t taken =
        std::count(own + rows.begin[prompt], own + rows.begin[prompt + 1], true);
    const std::int64_t tokens = rows.begin[prompt + 1] - rows.begin[prompt];
    if (block.rows + taken > block_rows || block.tokens + tokens > 2 * block_rows) {
      close();
    }
    ++block.count;
    block.tokens += tokens;
    block.rows += taken;
    if (taken == 0 && block.rows == 0) {
      close();  // nothing is read for prompts of which no row is taken
    }
  }
  close();
}

void ActivationRows::for_each(
    const RowBlock& block,
    const std::function<void(const RowPlace&, std::int64_t token)>& take) const {
  const TraceRows& rows = traces_[static_cast<std::size_t>(block.trace)];
  const std::int64_t first = rows.begin[block.first];
  for (std::size_t prompt = block.first; prompt < block.first + block.count; ++prompt) {
    for (std::int64_t at = rows.begin[prompt]; at < rows.begin[prompt + 1]; ++at) {
      if (rows.taken[static_cast<std::size_t>(at)]) {
        take({block.trace,
              static_cast<std::int32_t>(prompt),
              static_cast<std::int32_t>(at - rows.begin[prompt])},
             at - first);
      }
    }
  }
}

std::int64_t rows_of(const RowPool& pool) {
  std::int64_t rows = 0;
  for (const RowBlock& block : pool.blocks) {
    rows += block.rows;
  }
  return rows;
}

std::vector<RowPool> epoch_pools(const ActivationRows& rows,
                                 const PoolOptions& options,
                                 std::int64_t epoch) {
  std::vector<RowBlock> blocks = rows.blocks();
  if (options.order == RowOrder::shuffled) {
    generator_of(options.seed, epoch, 0).shuffle(blocks);
  }
  std::vector<RowPool> pools;
  std::int64_t filled = 0;
  std::int64_t most =
      options.first_rows > 0 ? std::min(options.first_rows, options.pool_rows) : options.pool_rows;
  for (const RowBlock& block : blocks) {
    if (pools.empty() || filled + block.rows > most) {
      if (!pools.empty()) {
        most = std::min(2 * most, options.pool_rows);
      }
      pools.emplace_back();
      filled = 0;
    }
    pools.back().blocks.push_back(block);
    filled += block.rows;
  }
  return pools;
}

void shuffle_pool(
    RowPool& pool, RowOrder order, std::uint64_t seed, std::int64_t epoch, std::size_t index) {
  pool.order.resize(static_cast<std::size_t>(rows_of(pool)));
  std::iota(pool.order.begin(), pool.order.end(), std::int64_t{0});
  if (order == RowOrder::shuffled) {
    generator_of(seed, epoch, index + 1).shuffle(pool.order);
  }
}

}  // namespace headscope
