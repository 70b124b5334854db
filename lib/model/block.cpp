#include "lib/model/pass.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor last_column(const Tensor& x) {
  return x.narrow(1, x.size(1) - 1, 1);
}

// From the sum behind attention to what the next block reads.
Tensor run_rest_after_sum(Pass& pass, int layer, const Tensor& sum) {
  const BlockWeights& block = pass.weights.blocks[static_cast<std::size_t>(layer)];
  const Tensor mid =
      run_stream_norm(pass, {Site::ln1_scale, Site::ln1_normalized}, layer, block.ln1, sum);
  const Tensor post = pass.see(Site::resid_post, layer, mid + run_mlp(pass, layer, mid));
  return pass.see(
      Site::normalized_resid_post,
      layer,
      run_stream_norm(pass, {Site::ln2_scale, Site::ln2_normalized}, layer, block.ln2, post));
}

}  // namespace

Tensor run_block(Pass& pass, int layer, const Tensor& incoming) {
  const Tensor whole = pass.see(Site::resid_pre, layer, incoming.to(pass.device_of(layer)));
  const Tensor attn_out = run_attention(pass, layer, whole);
  const Tensor resid = pass.last_position_only(layer) ? last_column(whole) : whole;
  if (pass.config.block_order == BlockOrder::parallel) {
    const Tensor mlp_out = run_mlp(pass, layer, resid);
    return pass.see(Site::resid_post, layer, resid + attn_out + mlp_out);
  }
  if (!has_mlp(pass.config)) {
    return pass.see(Site::resid_post, layer, resid + attn_out);
  }
  return run_block_from_mid(pass, layer, pass.see(Site::resid_mid, layer, resid + attn_out));
}

Tensor run_block_from_mid(Pass& pass, int layer, const Tensor& stream) {
  const Tensor here = stream.to(pass.device_of(layer));
  const Tensor sum = pass.last_position_only(layer) ? last_column(here) : here;
  if (pass.config.norm_placement == NormPlacement::after_sum) {
    return run_rest_after_sum(pass, layer, sum);
  }
  return pass.see(Site::resid_post, layer, sum + run_mlp(pass, layer, sum));
}

}  // namespace headscope
