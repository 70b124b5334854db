// Batches and the KV cache against lists that grow.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/model/kv_cache.h"
#include "lib/tensor/ops.h"
#include "tests/support/one_thread.h"
#include "tests/support/property.h"
#include "tests/support/random_layout.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::vector<std::vector<std::int32_t>> draw_prompts() {
  std::vector<std::vector<std::int32_t>> prompts;
  for (const std::int64_t length : draw_lengths()) {
    prompts.push_back(*rc::gen::container<std::vector<std::int32_t>>(
        static_cast<std::size_t>(length), between<std::int32_t>(-1, 20)));
  }
  return prompts;
}

constexpr std::int64_t kLayers = 2;

ModelConfig cached_config() {
  ModelConfig config = property_config();
  config.n_layers = kLayers;
  return config;
}

// A cache, and beside it what it must hold: of each row its tokens, each by a number of its own.
struct Twin {
  KvCache cache;
  std::vector<std::vector<float>> rows;
};

// What a token's keys (1) and values (−1) are filled with in a layer.
float filling(float token, std::int64_t layer, float sign) {
  return sign * (static_cast<float>(kLayers) * token + static_cast<float>(layer));
}

// Every row's tokens stand at its right end, and nothing else is said of the padding.
void check_twin(const Twin& twin) {
  RC_ASSERT(twin.cache.rows() == std::ssize(twin.rows));
  for (std::int64_t layer = 0; layer < kLayers; ++layer) {
    const KvCache::Entry held = twin.cache.view(layer);
    RC_ASSERT(held.k.size(1) == twin.cache.columns());
    for (std::int64_t row = 0; row < twin.cache.rows(); ++row) {
      const auto& tokens = twin.rows[static_cast<std::size_t>(row)];
      const std::int64_t pad = twin.cache.pads()[static_cast<std::size_t>(row)];
      RC_ASSERT(twin.cache.columns() - pad == std::ssize(tokens));
      for (std::int64_t i = 0; i < std::ssize(tokens); ++i) {
        const float token = tokens[static_cast<std::size_t>(i)];
        RC_ASSERT(held.k[row][pad + i].eq(filling(token, layer, 1)).all().item<bool>());
        RC_ASSERT(held.v[row][pad + i].eq(filling(token, layer, -1)).all().item<bool>());
      }
    }
  }
}

// A pass over new tokens: every layer appends, then the cache advances.
void pass_over(Twin& twin, const BatchLayout& batch, float& next) {
  const ModelConfig config = cached_config();
  const BatchLayout layout = twin.cache.continue_with(batch);
  RC_ASSERT(layout.past == twin.cache.columns());
  Tensor tokens = at::zeros({batch.rows, batch.columns}, at::kFloat);
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const std::int64_t first = layout.past == 0 ? batch.pads[static_cast<std::size_t>(row)] : 0;
    for (std::int64_t column = first; column < batch.columns; ++column) {
      tokens[row][column] = next;
      twin.rows[static_cast<std::size_t>(row)].push_back(next++);
    }
  }
  for (std::int64_t layer = 0; layer < kLayers; ++layer) {
    const Tensor k = (tokens * static_cast<double>(kLayers) + static_cast<double>(layer))
                         .view({batch.rows, batch.columns, 1, 1})
                         .expand({-1, -1, config.n_kv_heads, config.d_head});
    const KvCache::Entry all = twin.cache.append(layer, k, -k);
    RC_ASSERT(all.k.size(1) == layout.keys());
    RC_ASSERT(identical(all.k.narrow(1, layout.past, batch.columns), k));
  }
  twin.cache.advance(layout);
}

BatchLayout unpadded(std::int64_t rows, std::int64_t columns) {
  return {.rows = rows,
          .columns = columns,
          .total = columns,
          .pads = std::vector<std::int64_t>(static_cast<std::size_t>(rows), 0)};
}

// A cache of a first batch of one to four prompts.
Twin draw_twin(float& next) {
  BatchLayout first = draw_layout(draw_lengths());
  first.past = 0;
  first.columns = first.total;
  Twin twin{.cache = KvCache(cached_config()),
            .rows = std::vector<std::vector<float>>(static_cast<std::size_t>(first.rows))};
  pass_over(twin, first, next);
  return twin;
}

// The rows of the first `columns`; nothing if a row would have no token.
std::optional<std::vector<std::vector<float>>> cut(const Twin& twin, std::int64_t columns) {
  std::vector<std::vector<float>> rows = twin.rows;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::int64_t left = columns - twin.cache.pads()[row];
    if (left < 1) {
      return std::nullopt;
    }
    rows[row].resize(static_cast<std::size_t>(left));
  }
  return rows;
}

void cut_short(std::vector<Twin>& twins, std::size_t which) {
  const std::int64_t columns = draw(1, twins[which].cache.columns() + 1);
  const auto rows = cut(twins[which], columns);
  if (!rows) {
    RC_ASSERT_THROWS_AS(static_cast<void>(twins[which].cache.slice(columns)), UsageError);
    RC_ASSERT_THROWS_AS(twins[which].cache.truncate(columns), UsageError);
  } else if (draw(0, 2) == 0) {
    twins.push_back({twins[which].cache.slice(columns), *rows});
  } else {
    twins[which].cache.truncate(columns);
    twins[which].rows = *rows;
  }
}

void drop_some_rows(Twin& twin) {
  std::vector<std::int64_t> dropped;
  std::vector<std::vector<float>> rest;
  const std::int64_t kept = draw(0, std::ssize(twin.rows));  // one at least
  for (std::int64_t row = 0; row < std::ssize(twin.rows); ++row) {
    if (row != kept && draw(0, 2) == 0) {
      dropped.push_back(row);
    } else {
      rest.push_back(twin.rows[static_cast<std::size_t>(row)]);
    }
  }
  twin.cache.drop_rows(dropped);
  twin.rows = rest;
}

void append_rows_of(Twin& twin, const Twin& other) {
  twin.cache.append_rows(other.cache);
  twin.rows.insert(twin.rows.end(), other.rows.begin(), other.rows.end());
}

// One step of a random history. Each cache goes on by itself, whatever becomes of the others.
void step(std::vector<Twin>& twins, float& next) {
  const auto which = static_cast<std::size_t>(draw(0, std::ssize(twins)));
  switch (draw(0, 5)) {
    case 0:
      twins.push_back({twins[which].cache.fork(), twins[which].rows});
      break;
    case 1:
      cut_short(twins, which);
      break;
    case 2:
      drop_some_rows(twins[which]);
      break;
    case 3:
      append_rows_of(twins[which], draw_twin(next));
      break;
    default:
      pass_over(twins[which], unpadded(std::ssize(twins[which].rows), draw(1, 4)), next);
  }
}

}  // namespace

TEST_CASE("a batch holds each prompt at the right end of its row") {
  property("tokens, positions and lengths", [] {
    const auto prompts = draw_prompts();
    const Batch batch(prompts);
    const BatchLayout& layout = batch.layout();
    const Tensor ids = layout.position_ids();
    bool padded = false;
    for (std::int64_t row = 0; row < layout.rows; ++row) {
      const auto& prompt = prompts[static_cast<std::size_t>(row)];
      const auto length = static_cast<std::int64_t>(prompt.size());
      RC_ASSERT(layout.length(row) == length);
      padded = padded || length < layout.columns;
      for (std::int64_t column = 0; column < layout.columns; ++column) {
        const std::int64_t token = column - (layout.columns - length);
        RC_ASSERT(layout.position(row, column) == token);
        RC_ASSERT(ids[row][column].item<std::int64_t>() == std::max<std::int64_t>(token, 0));
        if (token >= 0) {
          RC_ASSERT(batch.tokens()[row][column].item<std::int64_t>() ==
                    prompt[static_cast<std::size_t>(token)]);
        }
      }
    }
    RC_ASSERT(layout.padded() == padded);
    RC_ASSERT(layout.rows == static_cast<std::int64_t>(prompts.size()));
  });
}

TEST_CASE("a batch is refused just where a token or its length is outside the model") {
  property("check()", [] {
    const auto prompts = draw_prompts();
    ModelConfig config = property_config();
    config.d_vocab = 19;
    config.n_ctx = 8;
    const std::int64_t past = draw(0, 6);
    const Batch batch(prompts);
    bool fits = past + batch.layout().columns <= config.n_ctx;
    for (const auto& prompt : prompts) {
      for (const std::int32_t token : prompt) {
        fits = fits && token >= 0 && token < config.d_vocab;
      }
    }
    if (fits) {
      batch.check(config, past);
    } else {
      RC_ASSERT_THROWS_AS(batch.check(config, past), UsageError);
    }
  });
}

TEST_CASE("a cache holds each row's tokens, however it grew, was cut, forked, joined and thinned") {
  const OneThread one_thread;
  property("any history of caches", [] {
    float next = 1;
    std::vector<Twin> twins;
    twins.push_back(draw_twin(next));
    for (std::int64_t steps = draw(0, 10); steps > 0; --steps) {
      step(twins, next);
    }
    for (const Twin& twin : twins) {
      check_twin(twin);
    }
  });
}

TEST_CASE("caches joined at once are those appended one after the other") {
  const OneThread one_thread;
  property("joined()", [] {
    float next = 1;
    std::vector<Twin> parts;
    for (std::int64_t count = draw(1, 4); count > 0; --count) {
      parts.push_back(draw_twin(next));
    }
    std::vector<const KvCache*> caches;
    std::vector<std::vector<float>> rows;
    for (const Twin& part : parts) {
      caches.push_back(&part.cache);
      rows.insert(rows.end(), part.rows.begin(), part.rows.end());
    }
    Twin all{KvCache::joined(caches, draw(0, 5)), rows};
    check_twin(all);
    pass_over(all, unpadded(std::ssize(rows), draw(1, 4)), next);
    check_twin(all);
  });
}
