#include "lib/kernels/cpu_kernels.h"

#include <algorithm>
#include <cmath>

#include "lib/kernels/kernels.h"
#include "lib/tensor/ops.h"

namespace headscope::kernels {
namespace {

constexpr std::int64_t kElementsAThread = 16384;

// One row: Σx² in eight running sums, which the compiler keeps in vector registers.
void rms_norm_row(const float* x, const float* gain, float* y, std::int64_t d, float eps) {
  float sums[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= d; i += 8) {
    for (int lane = 0; lane < 8; ++lane) {
      sums[lane] += x[i + lane] * x[i + lane];
    }
  }
  float sum = 0;
  for (const float part : sums) {
    sum += part;
  }
  for (; i < d; ++i) {
    sum += x[i] * x[i];
  }
  const float scale = 1.0f / std::sqrt(sum / static_cast<float>(d) + eps);
  for (i = 0; i < d; ++i) {
    y[i] = x[i] * scale * gain[i];
  }
}

// One head: pairs (i, i + half) turned by the angle of their position.
void rotate_row(const float* x,
                const float* cos,
                const float* sin,
                float* y,
                std::int64_t half,
                std::int64_t d) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = x[i];
    const float b = x[i + half];
    y[i] = a * cos[i] - b * sin[i];
    y[i + half] = b * cos[i] + a * sin[i];
  }
  std::copy(x + 2 * half, x + d, y + 2 * half);
}

}  // namespace

Tensor rms_norm_cpu(const Tensor& x, const Tensor& gain, double eps) {
  const Tensor wide = x.to(at::kFloat).contiguous();
  const Tensor weights = gain.contiguous();
  Tensor out = at::empty(wide.sizes(), wide.options());
  const std::int64_t d = x.size(-1);
  const float* in = wide.const_data_ptr<float>();
  const float* w = weights.const_data_ptr<float>();
  float* y = out.data_ptr<float>();
  at::parallel_for(0,
                   wide.numel() / d,
                   std::max<std::int64_t>(1, kElementsAThread / d),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t row = begin; row < end; ++row) {
                       rms_norm_row(in + row * d, w, y + row * d, d, static_cast<float>(eps));
                     }
                   });
  return out.to(x.scalar_type());
}

Tensor rotate_cpu(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  Tensor wide = x.to(at::kFloat);
  wide = wide.stride(-1) == 1 ? wide : wide.contiguous();
  const std::int64_t tokens = x.size(1);
  const std::int64_t heads = x.size(2);
  const std::int64_t d = x.size(3);
  const std::int64_t half = cos.size(-1);
  const bool shared = cos.size(0) == 1;
  const Tensor cosines = cos.contiguous();
  const Tensor sines = sin.contiguous();
  Tensor out = at::empty(x.sizes(), wide.options());
  const float* in = wide.const_data_ptr<float>();
  const float* c = cosines.const_data_ptr<float>();
  const float* s = sines.const_data_ptr<float>();
  float* y = out.data_ptr<float>();
  at::parallel_for(0,
                   x.size(0) * tokens,
                   std::max<std::int64_t>(1, kElementsAThread / (heads * d)),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t row = begin; row < end; ++row) {
                       const std::int64_t angle = (shared ? row % tokens : row) * half;
                       const float* token =
                           in + (row / tokens) * wide.stride(0) + (row % tokens) * wide.stride(1);
                       for (std::int64_t head = 0; head < heads; ++head) {
                         rotate_row(token + head * wide.stride(2),
                                    c + angle,
                                    s + angle,
                                    y + (row * heads + head) * d,
                                    half,
                                    d);
                       }
                     }
                   });
  return out.to(x.scalar_type());
}

Tensor gated_activation_cpu(const Tensor& gate_up, std::int64_t activation) {
  const std::int64_t d = gate_up.size(-1) / 2;
  return activate(gate_up.narrow(-1, 0, d), static_cast<Activation>(activation))
      .mul_(gate_up.narrow(-1, d, d));
}

}  // namespace headscope::kernels
