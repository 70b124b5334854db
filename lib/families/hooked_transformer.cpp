// Transformers in TransformerLens's own spelling: config.json holds the fields of its
// HookedTransformerConfig, the weights are its state dict. So small models, made by hand, compiled
// or trained, are models like others: without norms, without MLPs, without positions.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

// `name` means something only beside `other`: DataError where it is given without.
void only_with(const ConfigFields& f, bool has_other, const char* name, const char* other) {
  if (!has_other && f.has(name)) {
    throw DataError(
        "{}: \"{}\" says something only with {}; leave out one of the two", f.where(), name, other);
  }
}

// What null and each word of a field mean; DataError listing the words.
template <typename Value>
Value read_word(ConfigFields& f,
                const char* name,
                const char* fallback,
                const std::vector<std::pair<const char*, Value>>& words) {
  const std::string found = f.text(name, fallback);
  std::string known;
  for (const auto& [word, value] : words) {
    if (found == word) {
      return value;
    }
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", word);
  }
  throw DataError("{}: \"{}\" is \"{}\"; headscope runs {}", f.where(), name, found, known);
}

void read_sizes(ConfigFields& f, ModelConfig& c) {
  c.n_layers = read_layer_count(f, "n_layers");
  c.d_model = f.integer("d_model");
  c.d_head = f.integer("d_head");
  c.n_heads = f.integer("n_heads");
  c.n_kv_heads = f.integer("n_key_value_heads", c.n_heads);
  if (f.has("n_key_value_heads") && c.n_kv_heads == c.n_heads) {
    throw DataError(
        "{}: \"n_key_value_heads\" is \"n_heads\": leave it out where every head has keys and "
        "values of its own",
        f.where());
  }
  c.d_vocab = f.integer("d_vocab");
  c.n_ctx = f.integer("n_ctx");
  if (const std::int64_t out = f.integer("d_vocab_out", -1); out != -1 && out != c.d_vocab) {
    throw DataError("{}: \"d_vocab_out\" {} is not \"d_vocab\" {}; headscope runs one vocabulary",
                    f.where(),
                    out,
                    c.d_vocab);
  }
}

void read_norms(ConfigFields& f, ModelConfig& c) {
  c.norm =
      read_word<Norm>(f,
                      "normalization_type",
                      "none",
                      {{"none", Norm::none}, {"LN", Norm::layer_norm}, {"RMS", Norm::rms_norm}});
  c.norm_eps = f.number("eps", 1e-5);
}

void read_mlps(ConfigFields& f, ModelConfig& c) {
  const bool mlps = !f.flag("attn_only", false);
  f.ignore(
      {"act_fn", "d_mlp"});  // the attn-only-* models of TransformerLens have them all the same
  c.mlp = mlps ? Mlp::plain : Mlp::none;
  c.mlp_bias = mlps;
  if (mlps) {
    c.d_mlp = f.integer("d_mlp");
    c.activation = read_activation(f, "act_fn", f.text("act_fn"));
  }
  c.block_order =
      f.flag("parallel_attn_mlp", false) ? BlockOrder::parallel : BlockOrder::sequential;
}

void read_positions(ConfigFields& f, ModelConfig& c) {
  c.positions = read_word<Positions>(
      f,
      "positional_embedding_type",
      "standard",
      {{"standard", Positions::learned}, {"rotary", Positions::rotary}, {"none", Positions::none}});
  const bool rotary = c.positions == Positions::rotary;
  only_with(f, rotary, "rotary_dim", "\"positional_embedding_type\": \"rotary\"");
  const double base = f.number("rotary_base", 10000.0);
  f.require("rotary_adjacent_pairs", false);
  if (rotary) {
    c.ropes = {{.base = base, .dim = f.integer("rotary_dim", c.d_head), .scaling = {}}};
  }
}

// TransformerLens divides scores by attn_scale, √d_head where it is −1.
double read_scale(ConfigFields& f, std::int64_t d_head) {
  const bool used = f.flag("use_attn_scale", true);
  const double divisor = f.number("attn_scale", -1.0);
  if (!used && divisor != -1.0 && divisor != 1.0) {
    throw DataError(
        "{}: \"attn_scale\" {} is not used with \"use_attn_scale\": false; leave out one",
        f.where(),
        divisor);
  }
  if (!used) {
    return 1.0;
  }
  return 1.0 / (divisor == -1.0 ? std::sqrt(static_cast<double>(d_head)) : divisor);
}

double read_cap(ConfigFields& f, const char* name) {
  const double cap = f.number(name, -1.0);
  return cap == -1.0 ? 0.0 : cap;
}

// "attn_types": "global" or "local" a layer; local ones see "window_size" keys.
std::vector<std::int64_t> read_windows(ConfigFields& f, std::int64_t n_layers) {
  const bool local = f.flag("use_local_attn", false);
  for (const char* name : {"attn_types", "window_size"}) {
    only_with(f, local, name, "\"use_local_attn\": true");
  }
  std::vector<std::int64_t> windows(static_cast<std::size_t>(n_layers), 0);
  if (!local) {
    return windows;
  }
  const std::int64_t window = f.integer("window_size");
  const Json types = f.raw("attn_types");
  if (window <= 0 || !types.is_array() || types.size() != windows.size()) {
    throw DataError(
        "{}: \"use_local_attn\" needs a \"window_size\" above 0 and \"attn_types\" with "
        "\"global\" or \"local\" for each of {} layers",
        f.where(),
        n_layers);
  }
  for (std::size_t layer = 0; layer < windows.size(); ++layer) {
    if (types[layer] != "global" && types[layer] != "local") {
      throw DataError("{}: \"attn_types\" holds {}, neither \"global\" nor \"local\"",
                      f.where(),
                      types[layer].dump());
    }
    windows[layer] = types[layer] == "local" ? window : 0;
  }
  return windows;
}

void read_attention(ConfigFields& f, ModelConfig& c) {
  c.attn_scale = read_scale(f, c.d_head);
  c.score_softcap = read_cap(f, "attn_scores_soft_cap");
  c.logit_softcap = read_cap(f, "output_logits_soft_cap");
  c.qkv_bias = c.out_bias = c.unembed_bias = true;
  c.normalizer = read_word<PatternNormalizer>(
      f,
      "attn_normalizer",
      "softmax",
      {{"softmax", PatternNormalizer::softmax}, {"relu", PatternNormalizer::relu}});
  const auto visibility =
      read_word<Visibility>(f,
                            "attention_dir",
                            "causal",
                            {{"causal", Visibility::causal}, {"bidirectional", Visibility::full}});
  const bool by_layer = f.flag("scale_attn_by_inverse_layer_idx", false);
  for (const std::int64_t window : read_windows(f, c.n_layers)) {
    const double scale = by_layer ? 1.0 / static_cast<double>(c.layers.size() + 1) : 1.0;
    c.layers.push_back({.window = window, .visibility = visibility, .score_scale = scale});
  }
}

// What TransformerLens's configs hold beside: how a model was made or is looked at, and what
// headscope runs in one form only.
void read_rest(ConfigFields& f) {
  f.ignore({"NTK_by_parts_factor",  // of "use_NTK_by_parts_rope"
            "NTK_by_parts_high_freq_factor",
            "NTK_by_parts_low_freq_factor",
            "NTK_original_ctx_len",
            "checkpoint_index",
            "checkpoint_label_type",
            "checkpoint_value",
            "default_prepend_bos",
            "device",
            "from_checkpoint",
            "init_mode",
            "init_weights",
            "load_in_4bit",
            "model_name",
            "n_devices",
            "n_params",
            "original_architecture",
            "seed",
            "tokenizer_name",
            "tokenizer_prepends_bos",
            "trust_remote_code",
            "ungroup_grouped_query_attention",
            "use_attn_in",
            "use_attn_result",
            "use_hook_mlp_in",
            "use_hook_tokens",
            "use_split_qkv_input"});
  for (const char* name : {"final_rms",
                           "gated_mlp",
                           "post_embedding_ln",
                           "use_NTK_by_parts_rope",
                           "use_normalization_before_and_after",
                           "use_qk_norm"}) {
    f.require(name, false);
  }
}

ModelConfig hooked_transformer_config(ConfigFields& f) {
  f.take_nulls_as_missing();  // TransformerLens writes every setting, null where it has none
  ModelConfig c;
  read_sizes(f, c);
  read_norms(f, c);
  read_mlps(f, c);
  read_positions(f, c);
  read_attention(f, c);
  f.require("tie_word_embeddings", false);
  read_rest(f);
  return c;
}

void add_norm_rules(std::vector<WeightRule>& rules,
                    const ModelConfig& c,
                    const std::string& ours,
                    const std::string& stored) {
  if (c.norm != Norm::none) {
    rules.push_back({ours + ".w", stored + ".w"});
  }
  if (c.norm == Norm::layer_norm) {
    rules.push_back({ours + ".b", stored + ".b"});
  }
}

WeightRules hooked_transformer_rules(const ModelConfig& c, Naming) {
  WeightRules rules;
  rules.model = {
      {"W_E", "embed.W_E"}, {"W_U", "unembed.W_U", Layout::transposed}, {"b_U", "unembed.b_U"}};
  if (c.positions == Positions::learned) {
    rules.model.push_back({"W_pos", "pos_embed.W_pos"});
  }
  add_norm_rules(rules.model, c, "ln_final", "ln_final");
  const std::string at = "blocks.{l}.";
  // Keys and values that heads share have names of their own.
  const std::string shared = c.n_kv_heads < c.n_heads ? "_" : "";
  rules.block = {{"attn.W_Q", at + "attn.W_Q", Layout::by_head},
                 {"attn.W_K", at + "attn." + shared + "W_K", Layout::by_head},
                 {"attn.W_V", at + "attn." + shared + "W_V", Layout::by_head},
                 {"attn.b_Q", at + "attn.b_Q", Layout::by_head},
                 {"attn.b_K", at + "attn." + shared + "b_K", Layout::by_head},
                 {"attn.b_V", at + "attn." + shared + "b_V", Layout::by_head},
                 {"attn.W_O", at + "attn.W_O", Layout::by_head_transposed},
                 {"attn.b_O", at + "attn.b_O"}};
  add_norm_rules(rules.block, c, "ln1", at + "ln1");
  if (has_mlp(c)) {
    add_norm_rules(rules.block, c, "ln2", at + "ln2");
    rules.block.push_back({"mlp.W_in", at + "mlp.W_in", Layout::transposed});
    rules.block.push_back({"mlp.b_in", at + "mlp.b_in"});
    rules.block.push_back({"mlp.W_out", at + "mlp.W_out", Layout::transposed});
    rules.block.push_back({"mlp.b_out", at + "mlp.b_out"});
  }
  rules.ignored = {".attn.mask", ".attn.IGNORE", ".attn.rotary_sin", ".attn.rotary_cos"};
  return rules;
}

}  // namespace

Family hooked_transformer_family() {
  return {.name = "hooked_transformer",
          .architectures = {"HookedTransformer"},
          .gguf = {},
          .model_types = {"hooked_transformer"},
          .config = hooked_transformer_config,
          .rules = hooked_transformer_rules};
}

}  // namespace headscope
