#include "lib/kernels/cpu_kernels.h"
#include "lib/kernels/kernels.h"
#include "lib/tensor/ops.h"

namespace headscope::kernels {

Tensor split_terms_cpu(const Tensor& x, std::int64_t side) {
  const Tensor first = x.to(at::kBFloat16);
  const Tensor rest = x - first.to(at::kFloat);
  const Tensor second = rest.to(at::kBFloat16);
  const Tensor third = (rest - second.to(at::kFloat)).to(at::kBFloat16);
  return static_cast<SplitSide>(side) == SplitSide::left
             ? at::cat({third, first, second, second, first, first}, 1)
             : at::cat({first, third, second, first, second, first}, 1);
}

}  // namespace headscope::kernels
