#include "lib/kernels/packed_linear.h"

#include <algorithm>

#include <ATen/ops/mm.h>

#include "lib/kernels/packed_dot.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"
#include "lib/tensor/packed.h"
#include "lib/weights/encoding.h"

namespace headscope {
namespace {

// More rows of x than this repay a panel in memory and a product of matrices.
constexpr std::int64_t kFewVectors = 8;
constexpr std::int64_t kPanelValues = 1 << 19;  // 2 MB
constexpr std::int64_t kValuesAThread = 1 << 15;

// out [M, rows of the part], columns of a wider matrix.
bool multiplied_in_registers(const Tensor& x, const PackedRows& part, const Tensor& out) {
  const auto kernel = kernels::packed_dot(kernels::widest_lanes(), part.encoding->name, x.size(1));
  if (kernel == nullptr || x.size(0) > kFewVectors) {
    return false;
  }
  kernels::PackedDot whole{.rows = part.bytes.const_data_ptr<std::uint8_t>(),
                           .row_bytes = part.bytes.size(1),
                           .n_rows = part.bytes.size(0),
                           .row_length = x.size(1),
                           .x = x.const_data_ptr<float>(),
                           .vectors = x.size(0),
                           .out = out.data_ptr<float>(),
                           .out_stride = out.stride(0)};
  const std::int64_t grain = std::max<std::int64_t>(1, kValuesAThread / x.numel());
  at::parallel_for(0, whole.n_rows, grain, [&](std::int64_t begin, std::int64_t end) {
    kernels::PackedDot some = whole;
    some.rows += begin * some.row_bytes;
    some.n_rows = end - begin;
    some.out += begin;
    kernel(some);
  });
  return true;
}

void multiplied_by_panels(const Tensor& x, const PackedRows& part, const Tensor& out) {
  const std::int64_t rows = part.bytes.size(0);
  const std::int64_t at_once = std::clamp<std::int64_t>(kPanelValues / x.size(1), 1, rows);
  const Tensor panel = at::empty({at_once, x.size(1)}, x.options());
  for (std::int64_t first = 0; first < rows; first += at_once) {
    const std::int64_t count = std::min(at_once, rows - first);
    unpack_rows({part}, first, count, panel.data_ptr<float>());
    Tensor columns = out.narrow(1, first, count);
    at::mm_out(columns, x, panel.narrow(0, 0, count).t());
  }
}

}  // namespace

Tensor packed_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (needs_gradient(x)) {
    return at::linear(x.to(at::kFloat), unpacked(weight), bias);
  }
  const Tensor rows = x.reshape({-1, x.size(-1)}).to(at::kFloat).contiguous();
  const Tensor out = at::empty({rows.size(0), weight.size(0)}, rows.options());
  std::int64_t first = 0;
  for (const PackedRows& part : *packed_parts(weight)) {
    if (rows.size(0) == 0) {
      break;
    }
    const Tensor columns = out.narrow(1, first, part.bytes.size(0));
    if (!multiplied_in_registers(rows, part, columns)) {
      multiplied_by_panels(rows, part, columns);
    }
    first += part.bytes.size(0);
  }
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return (bias.defined() ? out.add_(bias) : out).view(shape);
}

}  // namespace headscope
