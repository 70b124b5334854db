// Every number of a ModelConfig that a pass computes with is checked.
#include <cmath>
#include <limits>

#include "lib/base/error.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

ModelConfig config_of(const std::string& fixture) {
  return summarize_model(huggingface_fixture(fixture).path.string()).config;
}

template <typename Set>
void check_refused(const ModelConfig& good, const std::string& name, double value, const Set& set) {
  INFO(name << " = " << value);
  ModelConfig config = good;
  set(config, value);
  CHECK_THROWS_AS(check(config), DataError);
  CHECK_THROWS_WITH(check(config), contains(name));
}

}  // namespace

TEST_CASE("a number that is not finite or not positive is refused by its name") {
  const ModelConfig good = config_of("llama3_v4");
  CHECK_NOTHROW(check(good));
  for (const double bad : {kNaN, kInfinity, -kInfinity, -1.0, 0.0, 1e-60}) {
    using C = ModelConfig;
    check_refused(good, "norm_eps", bad, [](C& c, double v) { c.norm_eps = v; });
    check_refused(good, "attn_scale", bad, [](C& c, double v) { c.attn_scale = v; });
    check_refused(good, "embed_scale", bad, [](C& c, double v) { c.embed_scale = v; });
    check_refused(good, "rope base", bad, [](C& c, double v) { c.ropes[0].base = v; });
    check_refused(good, "rope factor", bad, [](C& c, double v) { c.ropes[0].scaling.factor = v; });
    check_refused(good, "low_freq_factor", bad, [](C& c, double v) {
      c.ropes[0].scaling.low_freq_factor = v;
    });
    check_refused(good, "high_freq_factor", bad, [](C& c, double v) {
      c.ropes[0].scaling.high_freq_factor = v;
    });
    check_refused(good, "rope divisor", bad, [](C& c, double v) {
      c.ropes[0].scaling.divisors.assign(static_cast<std::size_t>(c.ropes[0].dim / 2),
                                         static_cast<float>(v));
    });
    if (bad != 0.0) {
      check_refused(good, "score_softcap", bad, [](C& c, double v) { c.score_softcap = v; });
      check_refused(good, "logit_softcap", bad, [](C& c, double v) { c.logit_softcap = v; });
    }
  }
}

TEST_CASE("heads whose rows no integer counts are refused") {
  ModelConfig config = config_of("llama");
  config.n_heads = config.n_kv_heads = config.d_head = std::int64_t{1} << 31;
  CHECK_THROWS_WITH(check(config), contains("heads of d_head"));
}

TEST_CASE("a layer turns by one of the model's rotary settings") {
  ModelConfig config = config_of("llama3_v4");
  for (const int rope : {-2, static_cast<int>(config.ropes.size())}) {
    CAPTURE(rope);
    config.layers.back().rope = rope;
    CHECK_THROWS_AS(check(config), InternalError);
  }
  config.layers.back().rope = 0;
  CHECK_NOTHROW(check(config));
}
