// The statistics pass over long contexts on a GPU against the fused forward pass alone and against
// a materialised pattern, all in one run: bf16, one prompt, causal, d_head 128. Medians of CUDA
// events.
//
// usage: statistics_cuda_bench [LENGTHS [KV_HEADS]]     e.g. 8192,32768 8
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>

#include <fmt/core.h>

#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "lib/attention/statistics.h"
#include "lib/base/error.h"
#include "lib/tensor/backend.h"
#include "lib/tensor/ops.h"

using namespace headscope;

namespace {

constexpr std::int64_t kHeads = 32;
constexpr std::int64_t kDims = 128;
constexpr double kPeak = 989.0;  // TFLOP/s, dense bf16, the vendor's figure

const at::Device kGpu(at::kCUDA, 0);

struct Figures {
  double ms = 0.0;
  double extra_mb = 0.0;  // the peak beyond what was there before
};

std::int64_t allocated(bool peak) {
  const auto stats = c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(0).allocated_bytes[0];
  return peak ? stats.peak : stats.current;
}

double once(const std::function<void()>& work) {
  const c10::impl::VirtualGuardImpl gpu(at::kCUDA);
  const c10::Stream stream = gpu.getStream(kGpu);
  c10::Event begin(at::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
  c10::Event end(at::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
  begin.record(stream);
  work();
  end.record(stream);
  end.synchronize();
  return begin.elapsedTime(end);
}

Figures measure(const std::function<void()>& work) {
  const std::int64_t before = allocated(false);
  c10::getDeviceAllocator(at::kCUDA)->resetPeakStats(0);
  const double first = once(work);
  const double extra = static_cast<double>(allocated(true) - before) / 1e6;
  std::vector<double> ms;
  const int repeats = std::clamp(static_cast<int>(400.0 / std::max(first, 1.0)), 3, 15);
  once(work);
  for (int i = 0; i < repeats; ++i) {
    ms.push_back(once(work));
  }
  std::nth_element(ms.begin(), ms.begin() + repeats / 2, ms.end());
  return {ms[static_cast<std::size_t>(repeats) / 2], extra};
}

StatisticsInputs inputs_of(std::int64_t length, std::int64_t kv_heads) {
  const auto normal = [&](std::int64_t heads) {
    return at::randn({1, length, heads, kDims}, at::TensorOptions(kGpu).dtype(at::kBFloat16));
  };
  return {.q = normal(kHeads), .k = normal(kv_heads), .spec = {.scale = 0.08838834764831845}};
}

std::map<std::string, StatisticsRequest> requests_of(std::int64_t length) {
  StatisticsRequest rich;
  rich.top_k = 4;
  rich.offsets = {0, 1, 128};
  rich.windows = {64, 1024};
  rich.spans = at::rand({4, 1, length}, at::TensorOptions(kGpu)) < 0.2;
  rich.targets = at::randint(0, length, {1, 1, length}, at::TensorOptions(kGpu).dtype(at::kLong));
  rich.first = rich.entropy = rich.distance = rich.columns = true;
  rich.block = 128;
  StatisticsRequest topless = rich;
  topless.top_k = 0;
  StatisticsRequest rows;
  rows.first = rows.entropy = rows.distance = true;
  StatisticsRequest keys;
  keys.offsets = rich.offsets;
  keys.targets = rich.targets;
  keys.first = true;
  return {{"rich", rich}, {"no top_k", topless}, {"rows only", rows}, {"single keys", keys}};
}

void print(const std::string& name, std::int64_t length, const Figures& f, double fused) {
  const double flop = static_cast<double>(length) * static_cast<double>(length) * kDims * kHeads;
  const double rate = flop / f.ms / 1e9;  // of Q·Kᵀ alone
  fmt::print(
      "{:>7} {:<28} {:9.3f} ms {:7.1f} TFLOP/s of QK ({:4.1f} % of {}) {:6.3f} x fused {:8.0f} "
      "MB\n",
      length,
      name,
      f.ms,
      rate,
      100.0 * rate / kPeak,
      kPeak,
      fused > 0 ? f.ms / fused : 0.0,
      f.extra_mb);
  std::fflush(stdout);
}

// As eager attention does: bf16 scores, softmax in f32, bf16 again.
void materialise(const Tensor& q, const Tensor& k) {
  const Tensor hidden = at::ones({q.size(2), k.size(2)}, q.options().dtype(at::kBool)).triu(1);
  Tensor scores = at::matmul(q, k.transpose(2, 3)).mul_(0.0884);
  scores.masked_fill_(hidden, -INFINITY);
  at::softmax(scores, -1, at::kFloat).to(at::kBFloat16);
}

void run(std::int64_t length, std::int64_t kv_heads) {
  StatisticsInputs in = inputs_of(length, kv_heads);
  const Tensor q = in.q.transpose(1, 2);
  const Tensor k = in.k.transpose(1, 2).repeat_interleave(kHeads / kv_heads, 1);
  const Tensor v = at::randn_like(k);
  Tensor lse;
  const Figures flash = measure(
      [&] { lse = std::get<1>(at::_scaled_dot_product_flash_attention(q, k, v, 0.0, true)); });
  double fused = flash.ms;
  Figures cudnn;
  try {
    cudnn = measure(
        [&] { at::_scaled_dot_product_cudnn_attention(q, k, v, std::nullopt, true, 0.0, true); });
    fused = std::min(fused, cudnn.ms);
    print("fused forward, cuDNN", length, cudnn, fused);
  } catch (const c10::Error& error) {
    fmt::print("cuDNN: {}\n", error.what_without_backtrace());
  }
  print("fused forward, flash", length, flash, fused);
  for (const auto& [name, request] : requests_of(length)) {
    in.lse = lse;
    print("statistics, " + name,
          length,
          measure([&, &r = request] { attention_statistics(in, r); }),
          fused);
    if (name == "rich") {
      in.lse = Tensor();
      print("statistics without lse",
            length,
            measure([&, &r = request] { attention_statistics(in, r); }),
            fused);
    }
  }
  if (length > 8192 && length <= 32768) {
    try {
      print("materialised pattern", length, measure([&] { materialise(q, k); }), fused);
    } catch (const c10::Error&) {
      fmt::print("{:>7} {:<28} out of memory\n", length, "materialised pattern");
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::istringstream lengths(argc > 1 ? argv[1] : "8192,16384,32768,131072");
  use_backend(cuda());
  at::globalContext().lazyInitDevice(at::kCUDA);
  for (std::string length; std::getline(lengths, length, ',');) {
    run(std::stoll(length), argc > 2 ? std::atoll(argv[2]) : kHeads);
  }
}
