#include "lib/model/pass.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor run_block(Pass& pass, int layer, const Tensor& incoming) {
  const Tensor resid = pass.see(Site::resid_pre, layer, incoming);
  const Tensor attn_out = run_attention(pass, layer, resid);
  if (pass.config.block_order == BlockOrder::parallel) {
    const Tensor mlp_out = run_mlp(pass, layer, resid);
    return pass.see(Site::resid_post, layer, resid + attn_out + mlp_out);
  }
  const Tensor mid = pass.see(Site::resid_mid, layer, resid + attn_out);
  return pass.see(Site::resid_post, layer, mid + run_mlp(pass, layer, mid));
}

}  // namespace headscope
