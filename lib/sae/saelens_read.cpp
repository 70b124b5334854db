// SAELens directories: cfg.json and sae_weights.safetensors, of version 6 (architecture and
// metadata) and the flat ones before it. https://github.com/decoderesearch/SAELens
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/sae/sae_files.h"
#include "lib/sae/stored_tensors.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// A config's fields under the names of version 6; `where` opens messages.
struct SaelensFields {
  Json json;
  Json metadata;
  std::string where;

  [[nodiscard]] bool has(const char* name) const {
    return json.contains(name) && !json.at(name).is_null();
  }

  template <typename Value>
  [[nodiscard]] Value get(const char* name, const Value& otherwise) const {
    if (!has(name)) {
      return otherwise;
    }
    try {
      return json.at(name).get<Value>();
    } catch (const Json::exception&) {
      throw DataError("{}: \"{}\" is {}, of another type than SAELens writes",
                      where,
                      name,
                      json.at(name).dump());
    }
  }

  // From the metadata of version 6, or the flat config before it.
  [[nodiscard]] std::string text(const char* name) const {
    const Json& from = metadata.contains(name) ? metadata : json;
    return from.contains(name) && from.at(name).is_string() ? from.at(name).get<std::string>() : "";
  }
};

// Since version 6 a config has "metadata"; what lies flat in earlier ones has other names.
SaelensFields saelens_fields(const std::filesystem::path& file) {
  SaelensFields fields{.json = read_json(file), .metadata = Json::object(), .where = file.string()};
  if (!fields.json.is_object()) {
    throw DataError("{}: not an object", fields.where);
  }
  const std::pair<const char*, const char*> renamed[] = {{"hook_point", "hook_name"},
                                                         {"activation_fn_str", "activation_fn"}};
  for (const auto& [old_name, name] : renamed) {
    if (fields.has(old_name) && !fields.has(name)) {
      fields.json[name] = fields.json[old_name];
    }
  }
  if (fields.has("metadata") && fields.json["metadata"].is_object()) {
    fields.metadata = fields.json["metadata"];
  }
  return fields;
}

std::string saelens_architecture(const SaelensFields& fields) {
  std::string name = fields.get<std::string>("architecture", "standard");
  const std::string activation = fields.get<std::string>("activation_fn", "relu");
  if (activation == "topk" && name == "standard") {
    return "topk";
  }
  if (activation != "relu" && activation != "topk") {
    throw DataError(
        "{}: activation_fn \"{}\"; headscope knows relu and topk", fields.where, activation);
  }
  return name;
}

SaeNormalisation saelens_normalisation(const SaelensFields& fields) {
  const Json value = fields.json.value("normalize_activations", Json());
  if (value.is_null() || value == false) {
    return SaeNormalisation::none;
  }
  if (value == true) {
    return SaeNormalisation::expected_average_only_in;
  }
  const auto word = fields.get<std::string>("normalize_activations", "none");
  try {
    return parse_sae_normalisation(word);
  } catch (const UsageError&) {
    throw DataError(
        "{}: normalize_activations \"{}\"; fold it into the weights first (SAELens' "
        "fold_activation_whitening)",
        fields.where,
        word);
  }
}

std::int64_t saelens_k(const SaelensFields& fields) {
  const Json arguments = fields.json.value("activation_fn_kwargs", Json::object());
  if (fields.has("k")) {
    return static_cast<std::int64_t>(fields.get<double>("k", 0.0));
  }
  return arguments.is_object() ? arguments.value("k", std::int64_t{0}) : 0;
}

SaeConfig saelens_config(const SaelensFields& fields) {
  const std::string architecture = saelens_architecture(fields);
  const bool transcoder = architecture.ends_with("transcoder");
  SaeConfig config;
  if (architecture == "jumprelu_transcoder") {
    config.arch = SaeArch::jumprelu;
  } else if (!transcoder) {
    try {
      config.arch = parse_sae_arch(architecture);
    } catch (const UsageError&) {
      throw DataError(
          "{}: architecture \"{}\"; headscope computes standard, topk, batchtopk, jumprelu, "
          "gated and transcoders",
          fields.where,
          architecture);
    }
  }
  config.d_in = fields.get<std::int64_t>("d_in", 0);
  config.d_sae = fields.get<std::int64_t>("d_sae", 0);
  config.d_out = transcoder ? fields.get<std::int64_t>("d_out", config.d_in) : config.d_in;
  config.k = saelens_k(fields);
  config.hook = fields.text("hook_name");
  config.hook_out = transcoder ? fields.text("hook_name_out") : "";
  config.normalisation = saelens_normalisation(fields);
  config.apply_b_dec_to_input =
      fields.get<bool>("apply_b_dec_to_input", !transcoder) && !transcoder;
  config.rescale_by_decoder_norm = fields.get<bool>("rescale_acts_by_decoder_norm", false);
  config.model = fields.text("model_name");
  config.metadata = fields.metadata;
  return config;
}

SaeWeights saelens_weights(const StoredSaeTensors& tensors, const std::string& where) {
  if (tensors.contains("scaling_factor") || tensors.contains("finetuning_scaling_factor")) {
    throw DataError("{}: has a finetuning_scaling_factor; fold it into W_dec first", where);
  }
  SaeWeights weights{.W_enc = first_of(tensors, {"W_enc"}),
                     .W_dec = first_of(tensors, {"W_dec"}),
                     .b_enc = first_of(tensors, {"b_enc"}),
                     .b_dec = first_of(tensors, {"b_dec"}),
                     .threshold = first_of(tensors, {"threshold"}),
                     .b_gate = first_of(tensors, {"b_gate"}),
                     .b_mag = first_of(tensors, {"b_mag"}),
                     .r_mag = first_of(tensors, {"r_mag"}),
                     .W_skip = first_of(tensors, {"W_skip"})};
  if (const Tensor log = first_of(tensors, {"log_threshold"});
      log.defined() && !weights.threshold.defined()) {
    weights.threshold = log.exp();
  }
  // What a training run of batch-top-k leaves: one number for all features.
  if (const Tensor one = first_of(tensors, {"topk_threshold"});
      one.defined() && !weights.threshold.defined() && weights.b_enc.defined()) {
    weights.threshold = one.reshape({1}).expand_as(weights.b_enc).contiguous();
  }
  return weights;
}

}  // namespace

std::optional<Sae> read_saelens(const std::filesystem::path& folder) {
  const std::filesystem::path config = folder / "cfg.json";
  const std::filesystem::path weights = folder / "sae_weights.safetensors";
  if (!path_exists(config) || !path_exists(weights)) {
    return std::nullopt;
  }
  const SaelensFields fields = saelens_fields(config);
  return Sae(saelens_config(fields),
             saelens_weights(read_stored_tensors(weights), weights.string()),
             weights.string());
}

}  // namespace headscope
