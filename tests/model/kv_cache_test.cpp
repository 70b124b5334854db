// What a KV cache holds after rows and columns came and went, against prompts run anew.
#include "lib/model/kv_cache.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Tokens = std::vector<std::int32_t>;

// A cache and the texts it should hold.
struct Held {
  const Model& model;
  KvCache cache;
  std::vector<Tokens> texts;

  void check_next(std::int32_t token) {
    std::vector<Tokens> columns(texts.size(), Tokens{token});
    const Tensor got =
        model.forward(Batch(columns), {.logits = Logits::last, .cache = &cache}).logits;
    for (std::size_t row = 0; row < texts.size(); ++row) {
      texts[row].push_back(token);
      const Tensor want = model.forward(Batch({texts[row]}), {.logits = Logits::last}).logits;
      CHECK(difference(got.narrow(0, static_cast<std::int64_t>(row), 1), want) < 1e-5);
    }
  }
};

Tokens drawn_text(Random& random, std::size_t length) {
  Tokens text;
  for (std::size_t i = 0; i < length; ++i) {
    text.push_back(static_cast<std::int32_t>(3 + random.below(40)));
  }
  return text;
}

Held prefilled_text(const Model& model, const Tokens& text) {
  Held held{model, KvCache(model.config()), {text}};
  model.forward(Batch({text}), {.logits = Logits::none, .cache = &held.cache});
  return held;
}

}  // namespace

TEST_CASE("rows and columns of a cache come and go as if each text had run alone") {
  for (const std::string name : {"gpt2", "gemma3", "llama3_gqa_tied"}) {
    const Model model = load(huggingface_fixture(name));
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      CAPTURE(name, seed);
      Random random(seed, "cache");
      Held held = prefilled_text(model, drawn_text(random, 4));
      for (int turn = 0; turn < 8; ++turn) {
        CAPTURE(turn);
        const std::size_t rows = held.texts.size();
        std::size_t shortest = held.texts.front().size();
        std::size_t longest = 0;
        for (const Tokens& text : held.texts) {
          shortest = std::min(shortest, text.size());
          longest = std::max(longest, text.size());
        }
        switch (random.below(4)) {
          case 0: {
            const Tokens text = drawn_text(random, 1 + random.below(5));
            held.cache.append_rows(prefilled_text(model, text).cache);
            held.texts.push_back(text);
            break;
          }
          case 1:
            if (rows > 1) {
              const std::size_t row = random.below(rows);
              held.cache.drop_rows({static_cast<std::int64_t>(row)});
              held.texts.erase(held.texts.begin() + static_cast<std::ptrdiff_t>(row));
            }
            break;
          default: {
            const std::size_t less = random.below(shortest);
            const auto columns = static_cast<std::int64_t>(longest - less);
            if (random.below(2) == 0) {
              held.cache.truncate(columns);
            } else {
              held.cache = held.cache.slice(columns);
            }
            for (Tokens& text : held.texts) {
              text.resize(text.size() - less);
            }
          }
        }
        CHECK(held.cache.rows() == static_cast<std::int64_t>(held.texts.size()));
        held.check_next(static_cast<std::int32_t>(3 + random.below(40)));
      }
    }
  }
}

TEST_CASE("caches joined side by side go on as each would, and a view is what they hold") {
  const Model model = load(huggingface_fixture("qwen3"));
  Random random(1, "joined");
  std::vector<Held> each;
  for (const std::size_t length : {std::size_t{3}, std::size_t{7}, std::size_t{1}}) {
    each.push_back(prefilled_text(model, drawn_text(random, length)));
  }
  Held all{model, KvCache::joined({&each[0].cache, &each[1].cache, &each[2].cache}, 4), {}};
  for (const Held& one : each) {
    all.texts.push_back(one.texts.front());
  }
  CHECK(all.cache.pads() == std::vector<std::int64_t>{4, 0, 6});
  for (const std::int64_t layer : {0, 1}) {
    const auto [k, v] = all.cache.view(layer);
    CHECK(identical(k[0].slice(0, 4), each[0].cache.view(layer).k[0]));
    CHECK(identical(v[2].slice(0, 6), each[2].cache.view(layer).v[0]));
  }
  const std::int64_t columns = all.cache.columns();
  const std::vector<Tokens> texts = all.texts;
  all.check_next(5);
  all.check_next(9);
  all.cache.truncate(columns);  // and once more, on what is left of them
  all.texts = texts;
  all.check_next(11);
}

TEST_CASE("rows and columns that a cache does not have are refused") {
  const Model model = load(huggingface_fixture("gpt2"));
  Random random(2, "refused");
  Held held = prefilled_text(model, drawn_text(random, 5));
  held.cache.append_rows(prefilled_text(model, drawn_text(random, 2)).cache);
  CHECK_THROWS_WITH(held.cache.truncate(6), contains("6 columns of a cache that holds 5"));
  CHECK_THROWS_WITH(held.cache.slice(3), contains("nothing but padding of row 1"));
  CHECK_THROWS_WITH(held.cache.drop_rows({2}), contains("row 2 to drop from a cache of 2 rows"));
  CHECK_THROWS_AS(held.cache.drop_rows({1, 0}), UsageError);
  held.cache.drop_rows({0, 1});
  CHECK(held.cache.columns() == 0);
  CHECK(held.cache.rows() == 0);
  CHECK_FALSE(held.cache.view(0).k.defined());
  held.cache.append_rows(
      prefilled_text(model, drawn_text(random, 2)).cache);  // other rows may come
  CHECK(held.cache.rows() == 1);
}
