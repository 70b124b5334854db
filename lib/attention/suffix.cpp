#include "lib/attention/suffix.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

TORCH_LIBRARY_FRAGMENT(headscope, m) {
  m.def(
      "suffix_attention(Tensor q, Tensor k, Tensor v, Tensor kept_k, Tensor kept_v, Tensor row, "
      "Tensor pads, int past, int window, float scale, float softcap) -> Tensor");
}

namespace headscope {
namespace {

constexpr std::int64_t kMostKeys = 32;
constexpr std::int64_t kMostHead = 256;  // d_head the kernel holds in a warp's registers

// The kernel applies a scale, a soft-cap and a window, and nothing else.
bool suffix_kernel_knows(const AttentionSpec& spec) {
  AttentionSpec rest = spec;
  rest.softcap = 0.0;
  return is_causal(spec) && !forms_scores(rest);
}

}  // namespace

bool suffix_attention_pays(const SuffixInputs& in) {
  return in.q.is_cuda() && in.past > 0 && in.past + in.k.size(1) <= kMostKeys &&
         in.q.size(3) <= kMostHead && suffix_kernel_knows(in.spec);
}

Tensor suffix_attention(const SuffixInputs& in) {
  using Signature = Tensor(const Tensor&,
                           const Tensor&,
                           const Tensor&,
                           const Tensor&,
                           const Tensor&,
                           const Tensor&,
                           const Tensor&,
                           std::int64_t,
                           std::int64_t,
                           double,
                           double);
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("headscope::suffix_attention", "")
                             .typed<Signature>();
  return op.call(in.q,
                 in.k,
                 in.v,
                 in.kept_k,
                 in.kept_v,
                 in.row,
                 in.pads,
                 in.past,
                 in.spec.window,
                 in.spec.scale,
                 in.spec.softcap);
}

}  // namespace headscope
