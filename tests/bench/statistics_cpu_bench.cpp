// Attention statistics of one layer on the CPU against the same numbers from its materialised
// pattern. One way a process, so that peak memory is each one's own.
//
// usage: statistics_cpu_bench ours|materialised [TOKENS [HEADS [KV_HEADS [D_HEAD [REPEATS]]]]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <ATen/Context.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/topk.h>

#include "lib/attention/attention.h"
#include "lib/attention/statistics.h"
#include "lib/tensor/ops.h"

using namespace headscope;

namespace {

struct Shape {
  std::int64_t tokens = 4096, heads = 9, kv_heads = 3, d = 64;
};

StatisticsRequest request() {
  StatisticsRequest asked;
  asked.first = asked.entropy = asked.distance = asked.columns = true;
  asked.offsets = {1, 49};
  asked.windows = {64};
  asked.top_k = 4;
  asked.block = 128;
  return asked;
}

double ours(const StatisticsInputs& in) {
  const AttentionStatistics all = attention_statistics(in, request());
  return all.entropy.mean().item<double>() + all.distance.mean().item<double>();
}

double materialised(const StatisticsInputs& in) {
  const Tensor pattern = attention_pattern(
      attention_scores({.q = in.q, .k = in.k, .v = in.k, .spec = in.spec}), in.spec);
  const std::int64_t length = pattern.size(3);
  const Tensor position = at::arange(length, at::kFloat);
  const Tensor entropy = -(pattern * pattern.clamp_min(1e-30).log()).sum(3);
  const Tensor distance = position - at::matmul(pattern, position);
  const Tensor first = pattern.select(3, 0).contiguous();
  const Tensor columns = pattern.sum(2);
  const Tensor before = pattern.diagonal(-1, 2, 3).contiguous();
  const Tensor copies = pattern.diagonal(-49, 2, 3).contiguous();
  const Tensor window = (pattern * (position.unsqueeze(1) - position.unsqueeze(0) < 64)).sum(3);
  const auto top = at::topk(pattern, 4, 3);
  const Tensor blocks = pattern.view({1, pattern.size(1), length / 128, 128, length / 128, 128})
                            .sum(at::IntArrayRef({3, 5}));
  return entropy.mean().item<double>() + distance.mean().item<double>();
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, std::int64_t otherwise) {
    return argc > i ? std::atoll(argv[i]) : otherwise;
  };
  const std::string way = argc > 1 ? argv[1] : "ours";
  const Shape shape{number(2, 4096), number(3, 9), number(4, 3), number(5, 64)};
  at::manual_seed(1);
  StatisticsInputs in;
  in.q = at::randn({1, shape.tokens, shape.heads, shape.d});
  in.k = at::randn({1, shape.tokens, shape.kv_heads, shape.d});
  in.spec.scale = 0.125;
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  std::vector<double> seconds;
  double checksum = 0.0;
  for (std::int64_t i = 0; i < number(6, 5); ++i) {
    const auto start = std::chrono::steady_clock::now();
    checksum = way == "ours" ? ours(in) : materialised(in);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    seconds.push_back(took.count());
  }
  std::sort(seconds.begin(), seconds.end());
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  std::printf(
      "%s: %ld tokens, %ld heads, d %ld: %.3f s at least, %.3f s median, %.1f MB beside the "
      "inputs (sum %.4f)\n",
      way.c_str(),
      static_cast<long>(shape.tokens),
      static_cast<long>(shape.heads),
      static_cast<long>(shape.d),
      seconds.front(),
      seconds[seconds.size() / 2],
      static_cast<double>(after.ru_maxrss - before.ru_maxrss) / 1024.0,
      checksum);
}
