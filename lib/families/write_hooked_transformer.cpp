#include "lib/families/write_hooked_transformer.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/families/families.h"
#include "lib/families/parameters.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

const char* norm_name(Norm norm) {
  return norm == Norm::layer_norm ? "LN" : "RMS";
}

const char* activation_name(Activation activation) {
  static constexpr const char* kNames[] = {"gelu", "gelu_new", "silu", "relu"};
  return kNames[static_cast<int>(activation)];
}

const char* positions_name(Positions positions) {
  static constexpr const char* kNames[] = {"standard", "rotary", "none"};
  return kNames[static_cast<int>(positions)];
}

void add_mlps(OrderedJson& json, const ModelConfig& c) {
  json["attn_only"] = !has_mlp(c);
  if (has_mlp(c)) {
    json["d_mlp"] = c.d_mlp;
    json["act_fn"] = activation_name(c.activation);
    json["parallel_attn_mlp"] = c.block_order == BlockOrder::parallel;
  }
}

void add_positions(OrderedJson& json, const ModelConfig& c) {
  json["positional_embedding_type"] = positions_name(c.positions);
  if (c.positions == Positions::rotary) {
    json["rotary_dim"] = c.ropes.front().dim;
    json["rotary_base"] = c.ropes.front().base;
  }
}

void add_windows(OrderedJson& json, const ModelConfig& c) {
  OrderedJson types = OrderedJson::array();
  std::int64_t window = 0;
  for (const LayerConfig& layer : c.layers) {
    types.push_back(layer.window > 0 ? "local" : "global");
    window = std::max(window, layer.window);
  }
  if (window > 0) {
    json["use_local_attn"] = true;
    json["window_size"] = window;
    json["attn_types"] = types;
  }
}

void add_attention(OrderedJson& json, const ModelConfig& c) {
  json["attention_dir"] = is_causal(c) ? "causal" : "bidirectional";
  json["attn_scale"] = 1.0 / c.attn_scale;
  if (c.score_softcap > 0) {
    json["attn_scores_soft_cap"] = c.score_softcap;
  }
  if (c.logit_softcap > 0) {
    json["output_logits_soft_cap"] = c.logit_softcap;
  }
  if (c.normalizer == PatternNormalizer::relu) {
    json["attn_normalizer"] = "relu";
  }
  add_windows(json, c);
}

// What was written means what was meant.
void check_read_back(const OrderedJson& json, const ModelConfig& config) {
  const Family family = hooked_transformer_family();
  ConfigFields fields(Json::parse(json.dump()), "a config of our own");
  ModelConfig read = family.config(fields);
  fields.finish();
  read.family = config.family;
  read.architecture = config.architecture;
  if (to_json(read) != to_json(config)) {
    throw InternalError("the family {} cannot spell this config: {}",
                        family.name,
                        Json::diff(to_json(read), to_json(config)).dump());
  }
}

// The values of a parameter as they lie in the file, and the shape they have there.
NamedArray array_of(const WeightRule& rule, const Parameter& p, const std::string& name) {
  Tensor rows = p.tensor->narrow(0, p.first_row, p.rows);
  if (rule.layout == Layout::transposed) {
    rows = rows.t();
  } else if (rule.layout == Layout::by_head_transposed) {
    rows = rows.t().unflatten(0, {-1, p.d_head});
  } else if (rule.layout == Layout::by_head) {
    rows = rows.unflatten(0, {-1, p.d_head});
    rows = p.row_length > 1 ? rows.transpose(1, 2) : rows;
  }
  const Tensor flat = rows.to(at::kCPU, at::kFloat).contiguous();
  const auto* begin = flat.const_data_ptr<float>();
  return {name, flat.sizes().vec(), {begin, begin + flat.numel()}};
}

void add_arrays(std::vector<NamedArray>& arrays,
                const std::vector<WeightRule>& rules,
                const std::map<std::string, Parameter>& parameters,
                std::int64_t layer) {
  for (const WeightRule& rule : rules) {
    std::string name = rule.source;
    if (const auto at = name.find("{l}"); at != std::string::npos) {
      name.replace(at, 3, std::to_string(layer));
    }
    arrays.push_back(array_of(rule, parameters.at(rule.target), name));
  }
}

}  // namespace

OrderedJson hooked_transformer_json(const ModelConfig& c) {
  OrderedJson json = {{"architectures", OrderedJson::array({"HookedTransformer"})},
                      {"model_type", "hooked_transformer"},
                      {"n_layers", c.n_layers},
                      {"d_model", c.d_model},
                      {"n_heads", c.n_heads},
                      {"d_head", c.d_head},
                      {"n_ctx", c.n_ctx},
                      {"d_vocab", c.d_vocab}};
  if (c.n_kv_heads != c.n_heads) {
    json["n_key_value_heads"] = c.n_kv_heads;
  }
  json["normalization_type"] =
      c.norm == Norm::none ? OrderedJson() : OrderedJson(norm_name(c.norm));
  json["eps"] = c.norm_eps;
  add_mlps(json, c);
  add_positions(json, c);
  add_attention(json, c);
  check_read_back(json, c);
  return json;
}

std::vector<NamedArray> hooked_transformer_arrays(const Weights& weights, const ModelConfig& c) {
  Weights read = weights;  // shares its tensors: parameters() asks for places to write to
  const WeightRules rules = hooked_transformer_family().rules(c, Naming::huggingface);
  std::vector<NamedArray> arrays;
  add_arrays(arrays, rules.model, model_parameters(read, c), 0);
  for (std::size_t layer = 0; layer < read.blocks.size(); ++layer) {
    const auto number = static_cast<std::int64_t>(layer);
    add_arrays(arrays, rules.block, block_parameters(read.blocks[layer], c, number), number);
  }
  return arrays;
}

void write_model_directory(const std::filesystem::path& directory, const ModelDirectory& model) {
  check_output_folder(directory);
  for (const auto& [name, text] : model.beside) {
    write_file(directory / name, text);
  }
  write_file(directory / "model.safetensors",
             safetensors_bytes(hooked_transformer_arrays(model.weights, model.config)));
  write_file(directory / "config.json", hooked_transformer_json(model.config).dump(2) + "\n");
}

}  // namespace headscope
