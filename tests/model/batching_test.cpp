// Padded, cached, chunked, split and trimmed runs against the plain one.
#include <algorithm>
#include <type_traits>

#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Tokens = std::vector<std::int32_t>;

constexpr double kClose = 1e-5;

struct BatchingLoaded {
  explicit BatchingLoaded(const FixtureModel& fixture)
      : model(load(fixture)),
        expected(read_tensors(fixture.expected)),
        longer(prompt(expected, 0)),
        shorter(prompt(expected, 1)) {}

  [[nodiscard]] Tensor plain(const Tokens& tokens) const {
    return model.forward(batch_of({tokens})).logits;
  }

  Model model;
  Tensors expected;
  Tokens longer, shorter;
};

template <typename Check>
void for_each_fixture(const Check& check,
                      const std::vector<FixtureModel>& fixtures = causal_fixtures()) {
  for (const FixtureModel& fixture : fixtures) {
    DYNAMIC_SECTION(fixture.name) {
      check(BatchingLoaded(fixture));
    }
  }
}

// True if texts of these lengths turn otherwise when they grow: families/rope_test.cpp holds that
// they are refused.
bool outgrows(const Model& model) {
  const auto& ropes = model.rotary_angles();
  return std::any_of(ropes.begin(), ropes.end(), [](const RotaryAngles& angles) {
    return angles.regime(24) != angles.regime(1);
  });
}

Tokens part(const Tokens& tokens, std::size_t begin, std::size_t end) {
  return {tokens.begin() + static_cast<std::ptrdiff_t>(begin),
          tokens.begin() + static_cast<std::ptrdiff_t>(end)};
}

// Prefill of `first` tokens, then the rest one at a time.
Tensor decoded(const Model& model, const Tokens& tokens, std::size_t first) {
  KvCache cache(model.config());
  std::vector<Tensor> logits;
  for (std::size_t begin = 0; begin < tokens.size();) {
    const std::size_t end = begin == 0 ? first : begin + 1;
    logits.push_back(model.forward(batch_of({part(tokens, begin, end)}), {.cache = &cache}).logits);
    begin = end;
  }
  return at::cat(logits, 1);
}

}  // namespace

TEST_CASE("a left-padded prompt gives what it gives alone, and what transformers gives") {
  for_each_fixture(
      [](const BatchingLoaded& it) {
        const auto pad = static_cast<std::int64_t>(it.longer.size() - it.shorter.size());
        Watch together;
        const Tensor both = it.model.forward(batch_of({it.longer, it.shorter}), together).logits;
        CHECK(difference(both.narrow(0, 0, 1), it.plain(it.longer)) <= kClose);
        const Tensor padded = both.narrow(0, 1, 1).slice(1, pad);
        CHECK(difference(padded, it.plain(it.shorter)) <= kClose);
        CHECK(difference(padded, it.expected.at("padded.logits.1")) <= kTolerance);

        Watch alone;
        (void)it.model.forward(batch_of({it.shorter}), alone);
        const int last = static_cast<int>(it.model.config().n_layers) - 1;
        for (const Site site : {Site::resid_post, Site::q, Site::z, Site::mlp_raw_out}) {
          INFO(hook_name(site, last));
          CHECK(difference(together.at(site, last).narrow(0, 1, 1).slice(1, pad),
                           alone.at(site, last)) <= kClose);
        }
        const Tensor pattern = together.at(Site::pattern, last).narrow(0, 1, 1).slice(2, pad);
        CHECK(difference(pattern.slice(3, pad), alone.at(Site::pattern, last)) <= kClose);
        CHECK(pattern.slice(3, 0, pad).sum().item<float>() == 0.0F);
      },
      huggingface_fixtures());
}

TEST_CASE("prefill and decoding token by token give what the whole prompt gives") {
  for_each_fixture([](const BatchingLoaded& it) {
    if (outgrows(it.model)) {
      return;
    }
    const Tensor plain = it.plain(it.longer);
    for (const std::size_t first : {std::size_t{1}, std::size_t{5}, it.longer.size() - 1}) {
      INFO("prefill of " << first);
      CHECK(difference(decoded(it.model, it.longer, first), plain) <= kClose);
    }
  });
}

TEST_CASE("a padded batch goes on from its cache as each prompt would") {
  for_each_fixture([](const BatchingLoaded& it) {
    if (outgrows(it.model)) {
      return;
    }
    KvCache cache(it.model.config());
    const Tokens more = part(it.longer, 2, 6);
    (void)it.model.forward(batch_of({it.longer, it.shorter}), {.cache = &cache});
    const Tensor next = it.model.forward(batch_of({more, more}), {.cache = &cache}).logits;
    for (const std::int64_t row : {0, 1}) {
      Tokens whole = row == 0 ? it.longer : it.shorter;
      const auto known = static_cast<std::int64_t>(whole.size());
      whole.insert(whole.end(), more.begin(), more.end());
      INFO("row " << row);
      CHECK(difference(next.narrow(0, row, 1), it.plain(whole).slice(1, known)) <= kClose);
    }
  });
}

TEST_CASE("two forks of a cache go on independently, each as the whole prompt would") {
  static_assert(!std::is_copy_constructible_v<KvCache> && std::is_move_constructible_v<KvCache>);
  for_each_fixture([](const BatchingLoaded& it) {
    KvCache cache(it.model.config());
    (void)it.model.forward(batch_of({it.longer}), {.cache = &cache});
    // A first step leaves the buffers with room to spare, where a shared one would be overwritten.
    (void)it.model.forward(batch_of({part(it.longer, 0, 1)}), {.cache = &cache});
    Tokens whole = it.longer;
    whole.push_back(it.longer[0]);
    KvCache one = cache.fork();
    KvCache other = cache.fork();
    const auto go_on = [&](KvCache& held, const Tokens& more) {
      Tensor logits;
      for (const std::int32_t token : more) {
        logits = it.model.forward(batch_of({Tokens{token}}), {.cache = &held}).logits;
      }
      return logits;
    };
    const auto uncached = [&](Tokens tokens, const Tokens& more) {
      tokens.insert(tokens.end(), more.begin(), more.end());
      return it.plain(tokens).slice(1, static_cast<std::int64_t>(tokens.size()) - 1);
    };
    const Tokens a{5, 6}, b{9, 7}, c{3};
    (void)go_on(one, {a[0]});
    (void)go_on(other, {b[0]});
    CHECK(difference(go_on(one, {a[1]}), uncached(whole, a)) <= kClose);
    CHECK(difference(go_on(other, {b[1]}), uncached(whole, b)) <= kClose);
    CHECK(difference(go_on(cache, c), uncached(whole, c)) <= kClose);
    CHECK(KvCache(it.model.config()).fork().columns() == 0);
  });
}

TEST_CASE("a prompt run in chunks gives what it gives at once") {
  for_each_fixture([](const BatchingLoaded& it) {
    if (outgrows(it.model)) {
      return;
    }
    const Batch batch = batch_of({it.longer, it.shorter});
    const Tensor whole = it.model.forward(batch).logits;
    const auto pad = static_cast<std::int64_t>(it.longer.size() - it.shorter.size());
    for (const std::int64_t chunk : {1, 3, 5, 64}) {
      INFO("chunks of " << chunk);
      const Tensor logits = it.model.forward(batch, {.chunk = chunk}).logits;
      CHECK(difference(logits.narrow(0, 0, 1), whole.narrow(0, 0, 1)) <= kClose);
      CHECK(difference(logits.narrow(0, 1, 1).slice(1, pad), whole.narrow(0, 1, 1).slice(1, pad)) <=
            kClose);
    }
  });
}

TEST_CASE("the last position and chosen tokens alone are those of all logits") {
  for_each_fixture(
      [](const BatchingLoaded& it) {
        const Batch batch = batch_of({it.longer, it.shorter});
        const Tensor all = it.model.forward(batch).logits;
        const Tensor last = it.model.forward(batch, {.logits = Logits::last}).logits;
        CHECK(difference(last, all.select(1, all.size(1) - 1)) <= kClose);
        const Tensor few = it.model.forward(batch, {.vocab = {7, 3, 50}}).logits;
        REQUIRE(few.size(-1) == 3);
        CHECK(difference(few.select(-1, 0), all.select(-1, 7)) <= kClose);
        CHECK(difference(few.select(-1, 1), all.select(-1, 3)) <= kClose);
        CHECK(difference(few.select(-1, 2), all.select(-1, 50)) <= kClose);
        CHECK_FALSE(it.model.forward(batch, {.logits = Logits::none}).logits.defined());
      },
      huggingface_fixtures());
}
