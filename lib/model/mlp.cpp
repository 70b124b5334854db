#include "lib/kernels/kernels.h"
#include "lib/kernels/linear.h"
#include "lib/model/pass.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor plain(Pass& pass, int layer, const Tensor& in) {
  const Tensor pre = pass.see(Site::mlp_pre, layer, in);
  return kernels::activate(pre, pass.config.activation);
}

Tensor gated(Pass& pass, int layer, const Tensor& gate_up) {
  const std::int64_t d_mlp = pass.config.d_mlp;
  const bool edited = pass.edited(Site::mlp_pre, layer) || pass.edited(Site::mlp_pre_linear, layer);
  const Tensor pre = pass.see(Site::mlp_pre, layer, gate_up.narrow(-1, 0, d_mlp));
  const Tensor linear = pass.see(Site::mlp_pre_linear, layer, gate_up.narrow(-1, d_mlp, d_mlp));
  return edited || needs_gradient(gate_up)
             ? kernels::activate(pre, pass.config.activation) * linear
             : kernels::gated_activation(gate_up, pass.config.activation);
}

}  // namespace

Tensor run_mlp(Pass& pass, int layer, const Tensor& resid) {
  if (const Tensor out = pass.supplied(Site::mlp_out, layer); out.defined()) {
    return out;
  }
  const BlockWeights& block = pass.weights.blocks[static_cast<std::size_t>(layer)];
  const Tensor in = pass.see(Site::mlp_in, layer, resid);
  const Tensor normed = pass.see(
      Site::mlp_block_in,
      layer,
      run_norm_before(pass, {Site::ln2_scale, Site::ln2_normalized}, layer, block.ln2, in));
  const Tensor hidden = linear(normed, block.W_in, block.b_in);
  const Tensor activated =
      pass.config.mlp == Mlp::gated ? gated(pass, layer, hidden) : plain(pass, layer, hidden);
  const Tensor post = pass.see(Site::mlp_post, layer, activated);
  const Tensor written =
      pass.see(Site::mlp_raw_out, layer, linear_f32(post, block.W_out, block.b_out));
  const Tensor out = run_post_norm(
      pass, {Site::ln2_post_scale, Site::ln2_post_normalized}, layer, block.ln2_post, written);
  return pass.see(Site::mlp_out, layer, out);
}

}  // namespace headscope
