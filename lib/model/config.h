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

// Where a block normalises: before attention and MLP; or before and after each (Gemma 2, 3).
enum class NormPlacement { pre, sandwich };

// sequential: the MLP reads the residual stream after attention; parallel: both read the same
// (GPT-NeoX), and there is no resid_mid.
enum class BlockOrder { sequential, parallel };

// none: a block is attention alone, and there is no resid_mid.
enum class Mlp { plain, gated, none };

// none: nothing but causality tells positions apart.
enum class Positions { learned, rotary, none };

// per_head: RMS norm of every head's query and key, before the rotation (Qwen 3, Gemma 3).
enum class QkNorm { none, per_head };

// How rotary frequencies stretch for long contexts.
// linear: positions divided by `factor` (Chen et al. 2023, arXiv:2306.15595). llama3: long
// wavelengths divided by `factor`, short ones kept, in between interpolated (Llama 3.1's
// rope_scaling). divisors: one divisor a frequency, as GGUF's rope_freqs.weight stores llama3's.
struct RopeScaling {
  enum class Kind { none, linear, llama3, divisors } kind = Kind::none;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  std::int64_t original_context = 8192;
  std::vector<float> divisors;
};

// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in the half-split form: dimension i
// turns with dimension i + dim/2. The first `dim` of d_head dimensions turn.
struct Rope {
  double base = 10000.0;
  std::int64_t dim = 0;
  RopeScaling scaling;
};

// What may differ from layer to layer. AttentionSpec (lib/attention/spec.h) says what the numbers
// of attention do; what is learned of them is in BlockWeights.
struct LayerConfig {
  std::int64_t window = 0;  // keys a query sees, itself included; 0: all before it
  int rope = 0;             // index into ModelConfig::ropes
  Visibility visibility = Visibility::causal;
  std::vector<double> head_scale{};  // [n_heads], 1 / temperature of each head; empty: none
  std::vector<double> alibi{};       // [n_heads], slopes; empty: none
};

struct ModelConfig {
  std::string family;        // "llama": the entry of lib/families/all.cpp
  std::string architecture;  // as the file spells it: "LlamaForCausalLM", "llama"

  std::int64_t n_layers = 0;
  std::int64_t d_model = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t d_head = 0;
  std::int64_t d_mlp = 0;  // 0 without MLPs
  std::int64_t d_vocab = 0;
  std::int64_t n_ctx = 0;

  Norm norm = Norm::rms_norm;
  double norm_eps = 1e-5;
  NormPlacement norm_placement = NormPlacement::pre;
  BlockOrder block_order = BlockOrder::sequential;
  Activation activation = Activation::silu;
  Mlp mlp = Mlp::gated;
  Positions positions = Positions::rotary;
  QkNorm qk_norm = QkNorm::none;
  PatternNormalizer normalizer = PatternNormalizer::softmax;

  // Which parameters exist; a file that holds others is an error.
  bool qkv_bias = false;
  bool out_bias = false;  // b_O
  bool mlp_bias = false;
  bool unembed_bias = false;     // b_U
  bool tied_embeddings = false;  // W_U is W_E

  double attn_scale = 0.0;     // scores are q·k × attn_scale
  double score_softcap = 0.0;  // c·tanh(score / c) where > 0 (Gemma 2)
  double logit_softcap = 0.0;
  double embed_scale = 1.0;  // token embeddings are multiplied by it (Gemma)

  std::vector<Rope> ropes;
  std::vector<LayerConfig> layers;  // n_layers

  [[nodiscard]] std::int64_t heads_per_kv() const { return n_heads / n_kv_heads; }
};

// The query heads of the model, and its KV heads.
HeadGrid head_grid(const ModelConfig& config);
HeadGrid kv_head_grid(const ModelConfig& config);

bool has_mlp(const ModelConfig& config);

// True if a block writes to the stream twice, so that there is one between attention and MLP.
bool has_resid_mid(const ModelConfig& config);

// True if no layer's queries see later tokens.
bool is_causal(const ModelConfig& config);

// Every field by name, for provenance, `headscope info --json` and tests.
Json to_json(const ModelConfig& config);

// Throws DataError naming the field if the sizes do not fit together (heads not a multiple of KV
// heads, a size that is not positive, a rotary dimension that is odd or above d_head), if a number
// is not finite and above 0 (soft-caps may be 0), or if two fields contradict each other.
void check(const ModelConfig& config);

}  // namespace headscope
