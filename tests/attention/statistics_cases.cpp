#include "tests/attention/statistics_cases.h"

#include <cmath>
#include <limits>

#include <ATen/Context.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include "lib/base/dtype.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"

namespace headscope::test {
namespace {

at::ScalarType dtype_of(const StatisticsCase& c) {
  return to_torch(parse_dtype(c.dtype));
}

void check_tensor(const Tensor& got, const Tensor& expected, double tolerance, const char* name) {
  CAPTURE(name);
  REQUIRE(got.defined() == expected.defined());
  if (!expected.defined()) {
    return;
  }
  const Tensor on_cpu = got.to(at::kCPU).to(at::kDouble);
  REQUIRE(on_cpu.sizes().vec() == expected.sizes().vec());
  const Tensor wanted = expected.to(at::kDouble);
  const Tensor difference = (on_cpu - wanted).abs() - tolerance * (1.0 + wanted.abs());
  CHECK(on_cpu.isfinite().all().item<bool>());
  CHECK(difference.max().item<double>() <= 0.0);
}

// Where a key differs, its weight must be that of the expected one in that place.
void check_keys(const AttentionStatistics& got,
                const AttentionStatistics& expected,
                double tolerance) {
  const Tensor same = got.top_key.to(at::kCPU).eq(expected.top_key);
  const Tensor clear = [&] {  // further from its neighbours than the tolerance
    const Tensor w = expected.top_weight;
    const Tensor gaps = (w.narrow(-1, 0, w.size(-1) - 1) - w.narrow(-1, 1, w.size(-1) - 1));
    const Tensor wide = gaps > 4 * tolerance;
    const Tensor last = at::zeros({w.size(0), w.size(1), w.size(2), 1}, at::kBool);
    const Tensor above = at::cat({last.logical_not(), wide}, -1);
    return above.logical_and(at::cat({wide, last}, -1));
  }();
  CHECK(same.logical_or(clear.logical_not()).all().item<bool>());
}

}  // namespace

const std::vector<StatisticsCase>& statistics_cases() {
  using Extra = StatisticsCase::Extra;
  using Lse = StatisticsCase::Lse;
  constexpr auto kFull = Visibility::full;
  constexpr double k16 = 6e-3;  // p from scores of 16-bit operands, itself perhaps rounded to bf16
  static const std::vector<StatisticsCase> cases{
      {.name = "one token", .queries = 1, .keys = 1},
      {.name = "causal"},
      {.name = "uneven", .queries = 77, .keys = 77, .heads = 3, .kv_heads = 1, .d = 80},
      {.name = "grouped heads", .batch = 2, .queries = 130, .keys = 130, .heads = 6, .kv_heads = 2},
      {.name = "chunk", .queries = 33, .keys = 150, .heads = 2, .kv_heads = 1},
      {.name = "decoding", .batch = 3, .queries = 1, .keys = 201, .heads = 4, .kv_heads = 2},
      {.name = "window", .queries = 200, .keys = 200, .window = 48},
      {.name = "window in a chunk", .queries = 70, .keys = 180, .window = 50},
      {.name = "soft-cap", .queries = 90, .keys = 90, .softcap = 5.0, .spread = 4.0},
      {.name = "padded", .batch = 3, .queries = 70, .keys = 70, .pads = {0, 13, 69}},
      {.name = "padded chunk", .batch = 2, .queries = 30, .keys = 70, .pads = {50, 3}},
      {.name = "slopes", .queries = 100, .keys = 100, .extra = Extra::alibi},
      {.name = "sinks", .queries = 100, .keys = 100, .extra = Extra::sinks},
      {.name = "everything",
       .batch = 2,
       .queries = 90,
       .keys = 150,
       .heads = 4,
       .kv_heads = 2,
       .window = 65,
       .softcap = 8.0,
       .spread = 3.0,
       .pads = {70, 0},
       .extra = Extra::both},
      {.name = "a temperature a head",
       .batch = 2,
       .queries = 80,
       .keys = 100,
       .heads = 4,
       .kv_heads = 2,
       .softcap = 6.0,
       .pads = {10, 0},
       .extra = Extra::head_scale},
      {.name = "bf16, a temperature a head",
       .queries = 80,
       .keys = 100,
       .dtype = "bf16",
       .extra = Extra::head_scale,
       .tolerance = k16},
      {.name = "a bias by distance",
       .batch = 2,
       .queries = 50,
       .keys = 90,
       .heads = 4,
       .kv_heads = 2,
       .window = 40,
       .pads = {60, 0},
       .extra = Extra::distance_bias},
      {.name = "relu",
       .batch = 2,
       .queries = 60,
       .keys = 90,
       .heads = 4,
       .kv_heads = 2,
       .window = 40,
       .pads = {50, 0},
       .extra = Extra::distance_bias + Extra::relu},
      {.name = "relu, full visibility", .extra = Extra::relu, .visibility = kFull},
      {.name = "relu, changed scores",
       .queries = 60,
       .keys = 90,
       .extra = Extra::relu + StatisticsCase::kChangedScores},
      {.name = "changed scores",
       .batch = 2,
       .queries = 60,
       .keys = 90,
       .heads = 4,
       .kv_heads = 2,
       .pads = {50, 0},
       .extra = StatisticsCase::kChangedScores},
      {.name = "changed scores, in blocks of queries",
       .queries = 1000,
       .keys = 1000,
       .heads = 5,
       .kv_heads = 1,
       .d = 16,
       .softcap = 6.0,
       .extra = Extra::all + StatisticsCase::kChangedScores,
       .block = 100,
       .tolerance = 1e-4},
      {.name = "full visibility", .batch = 2, .heads = 4, .pads = {0, 20}, .visibility = kFull},
      {.name = "full visibility, everything",
       .batch = 2,
       .queries = 70,
       .keys = 70,
       .heads = 4,
       .kv_heads = 2,
       .window = 25,
       .softcap = 8.0,
       .spread = 3.0,
       .pads = {30, 0},
       .extra = Extra::all,
       .lse = Lse::given,
       .visibility = kFull,
       .block = 9},
      {.name = "a bias by distance, in blocks of queries",
       .queries = 1000,
       .keys = 1000,
       .heads = 5,
       .kv_heads = 1,
       .d = 16,
       .extra = Extra::all,
       .block = 100},
      {.name = "given log-sum-exp", .queries = 150, .keys = 150, .lse = Lse::given},
      {.name = "peaked", .queries = 260, .keys = 260, .spread = 6.0, .top_k = 8},
      {.name = "tiny heads", .queries = 70, .keys = 70, .d = 8, .block = 7},
      {.name = "large heads", .queries = 140, .keys = 140, .d = 256},
      {.name = "blocks of 128", .queries = 300, .keys = 300, .top_k = 4, .block = 128},
      {.name = "bf16", .queries = 300, .keys = 300, .d = 128, .dtype = "bf16", .tolerance = k16},
      {.name = "bf16 grouped",
       .batch = 2,
       .queries = 200,
       .keys = 333,
       .heads = 8,
       .kv_heads = 2,
       .d = 128,
       .dtype = "bf16",
       .top_k = 4,
       .block = 128,
       .tolerance = k16},
      {.name = "bf16, 64 dimensions, padded",
       .batch = 2,
       .queries = 190,
       .keys = 190,
       .dtype = "bf16",
       .spread = 3.0,
       .pads = {0, 100},
       .lse = Lse::given,
       .tolerance = k16},
      {.name = "bf16, 80 dimensions",
       .queries = 99,
       .keys = 99,
       .d = 80,
       .dtype = "bf16",
       .window = 30,
       .tolerance = k16},
      {.name = "bf16, 256 dimensions",
       .queries = 99,
       .keys = 99,
       .d = 256,
       .dtype = "bf16",
       .softcap = 6.0,
       .spread = 4.0,
       .tolerance = k16},
      {.name = "f16",
       .queries = 200,
       .keys = 200,
       .dtype = "f16",
       .extra = Extra::both,
       .tolerance = k16},
      {.name = "long, f32", .queries = 700, .keys = 1000, .heads = 3, .kv_heads = 1, .spread = 2.0},
      {.name = "long, bf16",
       .queries = 1000,
       .keys = 1000,
       .heads = 4,
       .kv_heads = 2,
       .d = 128,
       .dtype = "bf16",
       .spread = 2.0,
       .top_k = 4,
       .block = 128,
       .spans = 8,
       .tolerance = k16},
  };
  return cases;
}

StatisticsInputs make_inputs(const StatisticsCase& c) {
  at::manual_seed(7);
  StatisticsInputs in;
  const Tensor k = at::randn({c.batch, c.keys, c.kv_heads, c.d});
  Tensor q = at::randn({c.batch, c.queries, c.heads, c.d});
  const Tensor like = k.narrow(1, c.keys - c.queries, c.queries)
                          .repeat_interleave(c.heads / c.kv_heads, 2)
                          .mul(at::rand({c.batch, c.queries, c.heads, 1}) < 0.1);
  q = q + like;
  in.q = q.to(dtype_of(c));
  in.k = k.to(dtype_of(c));
  in.spec.scale = c.spread / std::sqrt(static_cast<double>(c.d));
  in.spec.softcap = c.softcap;
  in.spec.window = c.window;
  in.pads = c.pads.empty() ? Tensor() : index_tensor(c.pads, at::kCPU);
  in.spec.visibility = c.visibility;
  using Extra = StatisticsCase::Extra;
  const auto has = [&](Extra extra) { return (c.extra & extra) != 0; };
  if (has(Extra::alibi)) {
    in.spec.alibi = at::rand({c.heads}) * 0.1;
  }
  if (has(Extra::sinks)) {
    in.spec.sinks = at::randn({c.heads}) + 3.0;
  }
  if (has(Extra::head_scale)) {
    in.spec.head_scale = at::rand({c.heads}) + 0.3;
  }
  if (has(Extra::relu)) {
    in.spec.normalizer = PatternNormalizer::relu;
  }
  if (has(Extra::distance_bias)) {
    in.spec.distance_bias = at::randn({c.heads, 23});
  }
  if ((c.extra & StatisticsCase::kChangedScores) != 0) {
    in.score_scale = at::rand({1, c.heads, c.queries, 1}) + 0.5;
    in.bias = at::randn({c.batch, 1, 1, c.keys}).repeat({1, 1, c.queries, 1});
    const std::int64_t hidden = c.keys - 5;
    in.bias.select(3, hidden).fill_(-std::numeric_limits<float>::infinity());
    in.bias.select(3, hidden).select(2, hidden - (c.keys - c.queries)).fill_(1.0F);
  }
  if (c.lse == StatisticsCase::Lse::given) {
    in.lse = attention_statistics_ref(in, {}).lse;
  }
  return in;
}

StatisticsRequest make_request(const StatisticsCase& c) {
  at::manual_seed(11);
  StatisticsRequest request;
  request.top_k = c.top_k;
  request.offsets = {0, 1, 5, 49, 1000000};
  request.windows = {1, 10, 64, 1000000};
  request.spans = at::rand({c.spans, c.batch, c.keys}) < 0.3;
  request.targets = at::randint(-1, c.keys, {c.targets, c.batch, c.queries}, at::kLong);
  request.first = true;
  request.entropy = true;
  request.distance = true;
  request.columns = true;
  request.block = c.block;
  return request;
}

void check_equal(const AttentionStatistics& got,
                 const AttentionStatistics& expected,
                 const StatisticsCase& c) {
  const double t = c.tolerance;
  check_tensor(got.lse, expected.lse, t, "lse");
  check_tensor(got.offset_mass, expected.offset_mass, t, "offset_mass");
  check_tensor(got.window_mass, expected.window_mass, t, "window_mass");
  check_tensor(got.span_mass, expected.span_mass, t, "span_mass");
  check_tensor(got.target_mass, expected.target_mass, t, "target_mass");
  check_tensor(got.first_mass, expected.first_mass, t, "first_mass");
  check_tensor(got.entropy, expected.entropy, t, "entropy");
  check_tensor(got.distance, expected.distance, t, "distance");
  check_tensor(got.column_mass, expected.column_mass, t, "column_mass");
  check_tensor(got.block_map, expected.block_map, t, "block_map");
  check_tensor(got.top_weight, expected.top_weight, t, "top_weight");
  if (expected.top_key.defined()) {
    check_keys(got, expected, t);
  }
}

}  // namespace headscope::test
