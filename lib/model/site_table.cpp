// The table of hook points: one row each, in forward order.
#include "lib/model/site.h"

namespace headscope {
namespace {

bool always(const ModelConfig&) {
  return true;
}
bool never(const ModelConfig&) {
  return false;
}
bool learned(const ModelConfig& c) {
  return c.positions == Positions::learned;
}
bool rotary(const ModelConfig& c) {
  return c.positions == Positions::rotary;
}
bool ungrouped(const ModelConfig& c) {
  return c.n_heads == c.n_kv_heads;
}
bool normed(const ModelConfig& c) {
  return c.norm != Norm::none && c.norm_placement != NormPlacement::post;
}
bool normed_mlp(const ModelConfig& c) {
  return normed(c) && has_mlp(c);
}
bool has_token_types(const ModelConfig& c) {
  return c.n_token_types > 0;
}
bool has_embed_norm(const ModelConfig& c) {
  return c.embed_norm;
}
bool masked_lm(const ModelConfig& c) {
  return c.head == OutputHead::masked_lm;
}
bool final_normed(const ModelConfig& c) {
  return c.norm != Norm::none && c.has_final_norm;
}
bool after_sum(const ModelConfig& c) {
  return c.norm_placement == NormPlacement::after_sum;
}
bool gated(const ModelConfig& c) {
  return c.mlp == Mlp::gated && has_dense_mlp(c);
}
bool routed(const ModelConfig& c) {
  return c.experts.count > 0;
}

using enum Axis;
constexpr std::string_view kRotary = "rotary positions";
constexpr std::string_view kPostNormed = "norms after attention and MLP (Gemma 2, 3, OLMo 2)";
constexpr std::string_view kPreNormed = "norms before attention and MLP";
constexpr std::string_view kNormed = "norms";
constexpr std::string_view kMlp = "MLPs";
constexpr std::string_view kMoe = "mixture of experts";
constexpr std::string_view kTokenTypes = "token types (BERT)";
constexpr std::string_view kEmbedNorm = "a norm of the embeddings (BLOOM, BERT)";
constexpr std::string_view kAfterSum = "norms of the stream itself (BERT)";
constexpr std::string_view kMaskedLm = "a masked-token head (BERT)";

}  // namespace

std::span<const SiteInfo> all_sites() {
  using A = std::vector<Axis>;
  const A model{batch, pos, d_model};
  const A scale{batch, pos, one};
  const A heads{batch, pos, head, d_head};
  const A kv_heads{batch, pos, kv_head, d_head};
  const A head_inputs{batch, pos, head, d_model};
  const A kv_inputs{batch, pos, kv_head, d_model};
  const A maps{batch, head, query, key};
  const A mlp{batch, pos, d_mlp};
  static const std::vector<SiteInfo> sites{
      {Site::tokens, "hook_tokens", false, {batch, pos}, {}, "", "token ids", always},
      {Site::embed,
       "hook_embed",
       false,
       model,
       {"embed.hook_out"},
       "",
       "token embedding, scaled",
       always},
      {Site::pos_embed,
       "hook_pos_embed",
       false,
       model,
       {"pos_embed.hook_out"},
       "learned positions",
       "",
       learned},
      {Site::token_type_embed,
       "hook_token_type_embed",
       false,
       model,
       {},
       kTokenTypes,
       "that of type 0",
       has_token_types},
      {Site::ln_embed_scale,
       "ln_embed.hook_scale",
       false,
       scale,
       {},
       kEmbedNorm,
       "the divisor",
       has_embed_norm},
      {Site::ln_embed_normalized,
       "ln_embed.hook_normalized",
       false,
       model,
       {},
       kEmbedNorm,
       "before the gain",
       has_embed_norm},
      {Site::resid_pre, "hook_resid_pre", true, model, {"hook_in"}, "", "residual stream", always},
      {Site::attn_in,
       "hook_attn_in",
       true,
       head_inputs,
       {},
       "as many KV heads as heads",
       "each head's own view of the residual stream, before ln1",
       ungrouped},
      {Site::q_input,
       "hook_q_input",
       true,
       head_inputs,
       {},
       "",
       "what each head's queries read, before ln1",
       always},
      {Site::k_input,
       "hook_k_input",
       true,
       kv_inputs,
       {},
       "",
       "what each KV head's keys read, before ln1",
       always},
      {Site::v_input,
       "hook_v_input",
       true,
       kv_inputs,
       {},
       "",
       "what each KV head's values read, before ln1",
       always},
      {Site::ln1_scale, "ln1.hook_scale", true, scale, {}, kPreNormed, "the divisor", normed},
      {Site::ln1_normalized,
       "ln1.hook_normalized",
       true,
       model,
       {},
       kPreNormed,
       "before the gain",
       normed},
      {Site::attn_q_in, "attn.q.hook_in", true, model, {}, "", "after ln1's gain", always},
      {Site::attn_k_in, "attn.k.hook_in", true, model, {}, "", "after ln1's gain", always},
      {Site::attn_v_in, "attn.v.hook_in", true, model, {}, "", "after ln1's gain", always},
      {Site::q,
       "attn.hook_q",
       true,
       heads,
       {"attn.q.hook_out"},
       "",
       "before QK-norm and rotation",
       always},
      {Site::k,
       "attn.hook_k",
       true,
       kv_heads,
       {"attn.k.hook_out"},
       "",
       "before QK-norm and rotation",
       always},
      {Site::v, "attn.hook_v", true, kv_heads, {"attn.v.hook_out"}, "", "", always},
      {Site::rot_q, "attn.hook_rot_q", true, heads, {}, kRotary, "rotated", rotary},
      {Site::rot_k,
       "attn.hook_rot_k",
       true,
       {batch, key, kv_head, d_head},
       {},
       kRotary,
       "rotated; holds cached keys too",
       rotary},
      {Site::attn_scores,
       "attn.hook_attn_scores",
       true,
       maps,
       {},
       "",
       "scaled, soft-capped, then masked with -inf",
       always},
      {Site::pattern,
       "attn.hook_pattern",
       true,
       maps,
       {},
       "",
       "softmax (or relu) of the scores",
       always},
      {Site::z, "attn.hook_z", true, heads, {"attn.o.hook_in"}, "", "before W_O", always},
      {Site::result,
       "attn.hook_result",
       true,
       head_inputs,
       {},
       "",
       "each head's share of the attention output, without b_O",
       always},
      {Site::attn_raw_out,
       "attn.hook_out",
       true,
       model,
       {"attn.o.hook_out"},
       "",
       "before a norm after attention",
       always},
      {Site::ln1_post_scale,
       "ln1_post.hook_scale",
       true,
       scale,
       {},
       kPostNormed,
       "",
       has_post_norm},
      {Site::ln1_post_normalized,
       "ln1_post.hook_normalized",
       true,
       model,
       {},
       kPostNormed,
       "before the gain",
       has_post_norm},
      {Site::attn_out, "hook_attn_out", true, model, {}, "", "what is added to the stream", always},
      {Site::resid_mid,
       "hook_resid_mid",
       true,
       model,
       {"ln2.hook_in"},
       "sequential blocks with an MLP",
       "",
       has_resid_mid},
      {Site::mlp_in,
       "hook_mlp_in",
       true,
       model,
       {},
       kMlp,
       "what the MLP reads, before ln2",
       has_mlp},
      {Site::ln2_scale, "ln2.hook_scale", true, scale, {}, kPreNormed, "the divisor", normed_mlp},
      {Site::ln2_normalized,
       "ln2.hook_normalized",
       true,
       model,
       {},
       kPreNormed,
       "before the gain",
       normed_mlp},
      {Site::mlp_block_in, "mlp.hook_in", true, model, {}, kMlp, "after ln2's gain", has_mlp},
      {Site::mlp_pre, "mlp.hook_pre", true, mlp, {}, kMlp, "before the activation", has_dense_mlp},
      {Site::mlp_pre_linear,
       "mlp.hook_pre_linear",
       true,
       mlp,
       {},
       "gated MLPs",
       "what the gate multiplies",
       gated},
      {Site::mlp_mid, "mlp.hook_mid", true, mlp, {}, "SoLU with LayerNorm", "", never},
      {Site::mlp_gate,
       "mlp.hook_gate",
       true,
       {batch, pos, expert},
       {},
       kMoe,
       "the router's logits",
       routed},
      {Site::mlp_expert_indices,
       "mlp.hook_expert_indices",
       true,
       {batch, pos, chosen_expert},
       {},
       kMoe,
       "numbers of the chosen experts, the best first",
       routed},
      {Site::mlp_expert_weights,
       "mlp.hook_expert_weights",
       true,
       {batch, pos, chosen_expert},
       {},
       kMoe,
       "by which the chosen are summed (TransformerLens: before the choice, of all)",
       routed},
      {Site::mlp_post, "mlp.hook_post", true, mlp, {}, kMlp, "before W_out", has_dense_mlp},
      {Site::mlp_raw_out,
       "mlp.hook_out",
       true,
       model,
       {},
       kMlp,
       "before a norm after the MLP",
       has_mlp},
      {Site::ln2_post_scale,
       "ln2_post.hook_scale",
       true,
       scale,
       {},
       kPostNormed,
       "",
       has_post_norm},
      {Site::ln2_post_normalized,
       "ln2_post.hook_normalized",
       true,
       model,
       {},
       kPostNormed,
       "before the gain",
       has_post_norm},
      {Site::mlp_out,
       "hook_mlp_out",
       true,
       model,
       {},
       kMlp,
       "what is added to the stream",
       has_mlp},
      {Site::resid_post,
       "hook_resid_post",
       true,
       model,
       {"hook_out"},
       "",
       "residual stream",
       always},
      {Site::normalized_resid_post,
       "hook_normalized_resid_post",
       true,
       model,
       {},
       kAfterSum,
       "hook_resid_post through ln2: what the next block reads",
       after_sum},
      {Site::ln_final_scale,
       "ln_final.hook_scale",
       false,
       scale,
       {},
       kNormed,
       "the divisor",
       final_normed},
      {Site::ln_final_normalized,
       "ln_final.hook_normalized",
       false,
       model,
       {},
       kNormed,
       "before the gain",
       final_normed},
      {Site::head_pre,
       "head.hook_pre",
       false,
       model,
       {},
       kMaskedLm,
       "before the activation",
       masked_lm},
      {Site::ln_head_scale,
       "head.ln.hook_scale",
       false,
       scale,
       {},
       kMaskedLm,
       "the divisor",
       masked_lm},
      {Site::ln_head_normalized,
       "head.ln.hook_normalized",
       false,
       model,
       {},
       kMaskedLm,
       "before the gain",
       masked_lm},
      {Site::unembed_in, "unembed.hook_in", false, model, {}, "", "after ln_final's gain", always},
      {Site::unembed_out,
       "unembed.hook_out",
       false,
       {batch, pos, d_vocab},
       {},
       "",
       "logits, before a soft-cap",
       always},
  };
  return sites;
}

}  // namespace headscope
