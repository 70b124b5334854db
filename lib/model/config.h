// What a transformer is made of. A family (lib/families) is a function that fills this in; the one
// forward pass reads it. New maths enters here as a named choice that any family may use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/attention/pattern_normalizer.h"
#include "lib/attention/visibility.h"
#include "lib/base/head_id.h"
#include "lib/base/json_fwd.h"
#include "lib/kernels/activation.h"

namespace headscope {

// none: what reads the stream reads it as it is, and no norm has parameters.
enum class Norm { layer_norm, rms_norm, none };

// What is learned of a norm. A LayerNorm has a gain and a bias, a gain alone or neither (OLMo); an
// RMS norm has a gain.
enum class NormParameters { all, gain, none };

// Where a block normalises: before attention and MLP; before and after each (Gemma 2, 3); after
// each, before what it wrote is added to the stream (post: OLMo 2, Qwen's successors of it); or
// after each sum, so that the stream itself is normalised (after_sum: Vaswani et al. 2017,
// arXiv:1706.03762; BERT, OPT-350m). As in TransformerLens's BertBlock, hook_resid_mid and
// hook_resid_post are then the sums as they are, ln1 and ln2 make of them what the MLP and the next
// block read, and the latter is hook_normalized_resid_post.
enum class NormPlacement { pre, sandwich, post, after_sum };

// sequential: the MLP reads the residual stream after attention; parallel: both read the same
// (GPT-NeoX), and there is no resid_mid.
enum class BlockOrder { sequential, parallel };

// none: a block is attention alone, and there is no resid_mid.
enum class Mlp { plain, gated, none };

// none: nothing but causality tells positions apart.
enum class Positions { learned, rotary, none };

// Norms of queries and keys before the rotation. per_head: an RMS norm of every head's, one gain of
// d_head (Qwen 3, Gemma 3). whole: an RMS norm over all heads together, one gain of heads · d_head
// (OLMo 2). layer_norm: a LayerNorm of every head's, with a gain of its own (StableLM; Phi's heads
// share one), a bias where there is one: both of heads · d_head.
enum class QkNorm { none, per_head, whole, layer_norm };

// What turns the last residual stream into logits. masked_lm: a linear map, the activation and a
// norm before the unembedding (BERT).
enum class OutputHead { plain, masked_lm };

// A mixture of experts in place of the MLP (Shazeer et al. 2017, arXiv:1701.06538): a router scores
// `count` experts for each token, and the `chosen` best write, weighted.
struct Experts {
  // softmax_then_top: weights are the softmax over all experts, of which the best are kept and,
  // where `renormalized`, divided by their sum (Mixtral, Qwen 3 MoE); top_then_softmax: the softmax
  // over the chosen alone (gpt-oss).
  enum class Weighting {
    softmax_then_top,
    top_then_softmax
  } weighting = Weighting::softmax_then_top;
  std::int64_t count = 0;  // 0: none
  std::int64_t chosen = 0;
  std::int64_t d_expert = 0;  // width of one expert
  bool renormalized = false;
  bool router_bias = false;
  bool biases = false;
  // > 0: gpt-oss's gate. The gate is cut at `limit` from above, the linear part from both sides;
  // the product is gate · sigmoid(gate_slope · gate) · (linear + 1).
  double limit = 0.0;
  double gate_slope = 1.0;
};

// How rotary frequencies stretch for long contexts.
// linear: positions divided by `factor` (Chen et al. 2023, arXiv:2306.15595). llama3: long
// wavelengths divided by `factor`, short ones kept, in between interpolated (Llama 3.1's
// rope_scaling). divisors: one divisor a frequency, as GGUF's rope_freqs.weight stores llama3's.
// dynamic: the base grows with the sequence once it is longer than original_context ("NTK-aware").
// yarn: Peng et al. 2023, arXiv:2309.00071, with cosines and sines times attention_factor.
// longrope: Ding et al. 2024, arXiv:2402.13753: `divisors` up to original_context tokens,
// `long_divisors` for longer sequences, attention_factor as in yarn.
struct RopeScaling {
  enum class Kind { none, linear, llama3, divisors, dynamic, yarn, longrope } kind = Kind::none;
  double factor = 1.0;
  double attention_factor = 1.0;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  bool truncate = true;  // yarn's bounds rounded to whole dimensions
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  std::int64_t original_context = 8192;
  std::vector<float> divisors{};
  std::vector<float> long_divisors{};
};

// Which dimensions of a head turn together: i and i + dim/2, or 2i and 2i + 1 (GPT-J).
enum class RopePairs { halves, adjacent };

// Rotary position embedding (Su et al. 2021, arXiv:2104.09864). The first `dim` of d_head
// dimensions turn.
struct Rope {
  double base = 10000.0;
  std::int64_t dim = 0;
  RopeScaling scaling;
  RopePairs pairs = RopePairs::halves;
};

inline constexpr int kNoRope = -1;  // SmolLM3's layers without positions

// dense: the MLP of ModelConfig::mlp; experts: ModelConfig::experts in its place.
enum class LayerMlp { dense, experts };

// What may differ from layer to layer. AttentionSpec (lib/attention/spec.h) says what the numbers
// of attention do; what is learned of them is in BlockWeights.
struct LayerConfig {
  std::int64_t window = 0;  // keys a query sees, itself included; 0: all before it
  int rope = 0;             // index into ModelConfig::ropes; kNoRope: this layer turns nothing
  Visibility visibility = Visibility::causal;
  std::vector<double> head_scale{};  // [n_heads], 1 / temperature of each head; empty: none
  std::vector<double> alibi{};       // [n_heads], slopes; empty: none
  std::vector<double> key_slopes{};  // [n_heads], of AttentionSpec::key_slopes; empty: none
  double score_scale = 1.0;  // scores are multiplied by it (Stanford's GPT-2s: 1 / (layer + 1))
  LayerMlp mlp = LayerMlp::dense;
};

struct ModelConfig {
  std::string family;        // "llama": the entry of lib/families/all.cpp
  std::string architecture;  // as the file spells it: "LlamaForCausalLM", "llama"

  std::int64_t n_layers = 0;
  std::int64_t d_model = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t d_head = 0;
  std::int64_t d_mlp = 0;  // 0 without dense MLPs
  std::int64_t d_vocab = 0;
  std::int64_t n_ctx = 0;

  Norm norm = Norm::rms_norm;
  NormParameters norm_parameters = NormParameters::all;
  double norm_eps = 1e-5;
  NormPlacement norm_placement = NormPlacement::pre;
  BlockOrder block_order = BlockOrder::sequential;
  Activation activation = Activation::silu;
  Mlp mlp = Mlp::gated;
  Positions positions = Positions::rotary;
  QkNorm qk_norm = QkNorm::none;
  OutputHead head = OutputHead::plain;
  Experts experts;
  PatternNormalizer normalizer = PatternNormalizer::softmax;

  // Which parameters exist; a file that holds others is an error.
  bool qkv_bias = false;
  bool out_bias = false;  // b_O
  bool mlp_bias = false;
  bool unembed_bias = false;     // b_U
  bool attention_sinks = false;  // a logit a head, BlockWeights::sinks (gpt-oss)
  bool tied_embeddings = false;  // W_U is W_E
  bool qk_norm_bias = false;     // of QkNorm::layer_norm
  bool embed_norm = false;     // a norm of the embeddings' sum before the first block (BLOOM, BERT)
  bool shared_norm = false;    // parallel blocks: ln2 is ln1, stored once (Falcon-7B)
  bool has_final_norm = true;  // false: the last stream is unembedded as it is (BERT, OPT-350m)
  std::int64_t n_token_types = 0;  // rows of W_type; every token is of type 0 (BERT)
  std::int64_t d_embed = 0;  // width of W_E and W_U where it is not d_model (OPT-350m); 0: d_model
  // Stored rows of W_pos before that of position 0 (OPT: 2; RoBERTa: its padding id + 1).
  std::int64_t first_position_row = 0;
  // A token that takes no position: it gets the row before first_position_row, and those behind it
  // count on without it (RoBERTa's padding); -1: none.
  std::int64_t unplaced_token = -1;

  double attn_scale = 0.0;     // scores are q·k × attn_scale
  double score_softcap = 0.0;  // c·tanh(score / c) where > 0 (Gemma 2)
  double logit_softcap = 0.0;
  double embed_scale = 1.0;  // token embeddings are multiplied by it (Gemma)
  // Part of the stored weights once they are loaded (Granite): of W_O and W_out, and of ln_final's
  // gain.
  double written_scale = 1.0;
  double logit_scale = 1.0;
  double clip_qkv = 0.0;  // queries, keys and values are cut to ± this where > 0 (OLMo)

  std::vector<Rope> ropes;
  std::vector<LayerConfig> layers;  // n_layers

  [[nodiscard]] std::int64_t heads_per_kv() const { return n_heads / n_kv_heads; }
};

// The query heads of the model, and its KV heads.
HeadGrid head_grid(const ModelConfig& config);
HeadGrid kv_head_grid(const ModelConfig& config);

bool has_mlp(const ModelConfig& config);

// True if a layer's MLP is dense, so that there is a d_mlp.
bool has_dense_mlp(const ModelConfig& config);

// True if a block writes to the stream twice, so that there is one between attention and MLP.
bool has_resid_mid(const ModelConfig& config);

// The norm before attention and MLP: none where blocks normalise elsewhere alone.
Norm norm_before(const ModelConfig& config);

// True if what attention and MLP write is normalised before it is added to the stream.
bool has_post_norm(const ModelConfig& config);

// True if the layer's MLP is a mixture of experts.
bool has_experts(const ModelConfig& config, std::int64_t layer);

// True if the layer rotates queries and keys.
bool has_rope(const ModelConfig& config, std::int64_t layer);

// True if no layer's queries see later tokens.
bool is_causal(const ModelConfig& config);

// Why what blocks write does not reach the logits as terms of one sum behind one norm, to be said
// behind a colon; empty where it does.
std::string why_no_sum(const ModelConfig& config);

// Every field by name, for provenance, `headscope info --json` and tests.
Json to_json(const ModelConfig& config);

// Throws DataError naming the field if the sizes do not fit together (heads not a multiple of KV
// heads, a size that is not positive, a rotary dimension that is odd or above d_head), if a number
// is not finite and above 0 (soft-caps may be 0), or if two fields contradict each other.
void check(const ModelConfig& config);

}  // namespace headscope
