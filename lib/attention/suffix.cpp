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

}  // namespace

bool suffix_attention_pays(const SuffixInputs& in) {
  return in.q.is_cuda() && in.prefix.columns > 0 && in.prefix.columns + in.k.size(1) <= kMostKeys &&
         in.q.size(3) <= kMostHead;
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
  const KvPrefix::Entry& kept = in.prefix.layers.at(static_cast<std::size_t>(in.layer));
  return op.call(in.q,
                 in.k,
                 in.v,
                 kept.k,
                 kept.v,
                 in.prefix.row,
                 in.pads,
                 in.prefix.columns,
                 in.window,
                 in.scale,
                 in.softcap);
}

}  // namespace headscope
