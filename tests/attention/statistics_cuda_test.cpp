// The GPU's attention statistics against the definition. Runs where there is a GPU and
// libheadscope_cuda.so; elsewhere its cases are skipped.
#include "lib/attention/statistics.h"
#include "lib/tensor/ops.h"
#include "tests/attention/statistics_cases.h"
#include "tests/support/catch.h"
#include "tests/support/gpu.h"

namespace headscope::test {
namespace {

Tensor on_gpu(const Tensor& x) {
  return x.defined() ? x.to(at::Device(at::kCUDA)) : x;
}

StatisticsInputs on_gpu(StatisticsInputs in) {
  for (Tensor* each : {&in.q,
                       &in.k,
                       &in.pads,
                       &in.score_scale,
                       &in.bias,
                       &in.spec.head_scale,
                       &in.spec.alibi,
                       &in.spec.distance_bias,
                       &in.spec.sinks,
                       &in.lse}) {
    *each = on_gpu(*each);
  }
  return in;
}

StatisticsRequest on_gpu(StatisticsRequest request) {
  request.spans = on_gpu(request.spans);
  request.targets = on_gpu(request.targets);
  return request;
}

void check_case(const StatisticsCase& c) {
  CAPTURE(c.name, c.dtype, c.d, c.queries, c.keys, c.block, c.spans, c.top_k);
  const StatisticsInputs in = make_inputs(c);
  const StatisticsRequest request = make_request(c);
  check_equal(
      attention_statistics(on_gpu(in), on_gpu(request)), attention_statistics_ref(in, request), c);
}

}  // namespace

TEST_CASE("statistics on the GPU are those of the definition") {
  need_gpu();
  for (const StatisticsCase& c : statistics_cases()) {
    if (c.keys <= 1024) {
      check_case(c);
    }
  }
}

TEST_CASE("every head size and 16-bit dtype on the GPU, tiles that do not fit") {
  need_gpu();
  using Extra = StatisticsCase::Extra;
  for (const char* dtype : {"bf16", "f16", "f32"}) {
    for (const std::int64_t d : {8, 20, 64, 80, 128, 192, 256}) {
      StatisticsCase c{.name = "head sizes", .queries = 131, .keys = 263, .d = d, .dtype = dtype};
      c.tolerance = c.dtype == std::string("f32") ? 2e-5 : 6e-3;
      c.top_k = d % 7 + 1;
      check_case(c);
      c.name = "head sizes, everything";
      c.batch = 2;
      c.heads = 4;
      c.softcap = 8.0;
      c.window = 140;
      c.pads = {133, 0};
      c.extra = Extra::both;
      c.spans = 8;
      c.block = 100;
      check_case(c);
    }
  }
}

TEST_CASE("statistics on the GPU from tensors that are views") {
  need_gpu();
  for (const char* dtype : {"bf16", "f32"}) {
    const StatisticsCase c{
        .name = "views", .queries = 150, .keys = 150, .dtype = dtype, .tolerance = 6e-3};
    StatisticsInputs in = on_gpu(make_inputs(c));
    const StatisticsRequest request = on_gpu(make_request(c));
    const AttentionStatistics want = attention_statistics(in, request);
    in.q = in.q.transpose(1, 2).contiguous().transpose(1, 2);  // heads first
    in.k = at::cat({in.k, in.k}, 3).narrow(3, c.d, c.d);       // out of a fused product
    const AttentionStatistics got = attention_statistics(in, request);
    CHECK(got.entropy.equal(want.entropy));
    CHECK(got.top_key.equal(want.top_key));
    in.k = at::cat({in.k, in.k, in.k}, 3).narrow(3, 1, c.d * 2).narrow(3, c.d - 1, c.d);
    CHECK(attention_statistics(in, request).span_mass.equal(want.span_mass));
  }
}

}  // namespace headscope::test
