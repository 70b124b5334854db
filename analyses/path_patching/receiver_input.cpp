#include "analyses/path_patching/receiver_input.h"

#include "lib/kernels/linear.h"
#include "lib/kernels/norm.h"
#include "lib/kernels/rotary.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The first row of W_QKV that makes the receiver's part.
std::int64_t first_row(const ModelConfig& c, const Receiver& receiver) {
  const std::int64_t group = receiver.head / c.heads_per_kv();
  const std::int64_t row = receiver.kind == Receiver::Kind::q   ? receiver.head
                           : receiver.kind == Receiver::Kind::k ? c.n_heads + group
                                                                : c.n_heads + c.n_kv_heads + group;
  return row * c.d_head;
}

}  // namespace

Tensor receiver_input(const Model& model,
                      const Receiver& receiver,
                      const Tensor& stream,
                      const BatchLayout& layout) {
  const ModelConfig& c = model.config();
  const auto layer = static_cast<std::size_t>(receiver.layer);
  const BlockWeights& block = model.weights().blocks[layer];
  const std::int64_t row = first_row(c, receiver);
  const Tensor weight = block.W_QKV.narrow(0, row, c.d_head);
  const Tensor bias = block.b_QKV.defined() ? block.b_QKV.narrow(0, row, c.d_head) : Tensor();
  const Tensor normed =
      normalize(stream, block.ln1, c.norm, c.norm_eps).to(to_torch(model.dtype()));
  Tensor part = linear(normed, weight, bias).unsqueeze(2);
  if (receiver.kind != Receiver::Kind::v) {
    if (c.qk_norm == QkNorm::per_head) {
      const Tensor& gain = receiver.kind == Receiver::Kind::q ? block.q_norm : block.k_norm;
      part = normalize(part, {gain, {}}, Norm::rms_norm, c.norm_eps);
    }
    if (c.positions == Positions::rotary) {
      const Rope& rope = c.ropes[static_cast<std::size_t>(c.layers[layer].rope)];
      const Tensor ids = layout.position_ids().to(stream.device());
      part = rotate(part, rotary_table(ids, rotary_frequencies(rope).to(stream.device())));
    }
  }
  return part.squeeze(2);
}

}  // namespace headscope
