#include "lib/kernels/kernels.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "lib/kernels/cpu_kernels.h"

TORCH_LIBRARY(headscope, m) {
  m.def("rms_norm(Tensor x, Tensor gain, float eps) -> Tensor");
  m.def("rotate(Tensor x, Tensor cos, Tensor sin) -> Tensor");
  m.def("gated_activation(Tensor gate_up, int activation) -> Tensor");
  m.def("split_terms(Tensor x, int side) -> Tensor");
}

TORCH_LIBRARY_IMPL(headscope, CPU, m) {
  m.impl("rms_norm", headscope::kernels::rms_norm_cpu);
  m.impl("rotate", headscope::kernels::rotate_cpu);
  m.impl("gated_activation", headscope::kernels::gated_activation_cpu);
  m.impl("split_terms", headscope::kernels::split_terms_cpu);
}

namespace headscope::kernels {
namespace {

template <typename Signature>
auto find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace

Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps) {
  static const auto op = find<Tensor(const Tensor&, const Tensor&, double)>("headscope::rms_norm");
  return op.call(x, gain, eps);
}

Tensor rotate(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  static const auto op =
      find<Tensor(const Tensor&, const Tensor&, const Tensor&)>("headscope::rotate");
  return op.call(x, cos, sin);
}

Tensor gated_activation(const Tensor& gate_up, Activation activation) {
  static const auto op = find<Tensor(const Tensor&, std::int64_t)>("headscope::gated_activation");
  return op.call(gate_up, static_cast<std::int64_t>(activation));
}

Tensor split_terms(const Tensor& x, SplitSide side) {
  static const auto op = find<Tensor(const Tensor&, std::int64_t)>("headscope::split_terms");
  return op.call(x, static_cast<std::int64_t>(side));
}

}  // namespace headscope::kernels
