#include "lib/families/load.h"

#include <algorithm>
#include <future>
#include <map>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/json_guard.h"
#include "lib/base/memory.h"
#include "lib/base/paths.h"
#include "lib/families/expert_weights.h"
#include "lib/families/family.h"
#include "lib/families/gguf_config.h"
#include "lib/families/load_weights.h"
#include "lib/families/narrow_embeddings.h"
#include "lib/families/parameters.h"
#include "lib/families/placement.h"
#include "lib/families/tied_head.h"
#include "lib/tensor/backend.h"
#include "lib/text/tokenizer_directory.h"
#include "lib/weights/gguf.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

// The files of a model, opened: enough to know what it is.
struct Opened {
  fs::path path;
  std::unique_ptr<WeightSource> source;  // null: a config without weights
  const GgufFile* gguf = nullptr;        // `source`, if it is one
  const Family* family = nullptr;
  ModelConfig config;
};

// Multimodal checkpoints keep the language model's config in "text_config".
Json text_part(const Json& config) {
  if (!config.is_object() || !config.contains("text_config")) {
    return config;
  }
  Json text = config["text_config"];
  if (!text.is_object()) {
    throw DataError("config.json: \"text_config\" is not an object");
  }
  text["architectures"] = config.value("architectures", Json::array());
  if (config.contains("tie_word_embeddings")) {
    const Json& outer = config["tie_word_embeddings"];
    if (text.contains("tie_word_embeddings") && text["tie_word_embeddings"] != outer) {
      throw DataError(
          "config.json: \"tie_word_embeddings\" is {} and {} in \"text_config\"; keep one",
          outer.dump(),
          text["tie_word_embeddings"].dump());
    }
    text["tie_word_embeddings"] = outer;
  }
  return text;
}

// transformers chooses the model by "model_type", headscope by the architecture.
void check_model_type(const Family& family,
                      const std::string& architecture,
                      const Json& config,
                      const std::string& where) {
  const Json type = config.value("model_type", Json());
  const auto& known = family.model_types;
  if (!type.is_null() && std::none_of(known.begin(), known.end(), [&](std::string_view name) {
        return type == name;
      })) {
    throw DataError(
        "{}: \"model_type\" is {} but \"architectures\" says {}, whose type is \"{}\"; make them "
        "agree in a copy of the config",
        where,
        type.dump(),
        architecture,
        known.front());
  }
}

void read_config(Opened& model,
                 const std::string& architecture,
                 Naming naming,
                 Json json,
                 const std::string& where) {
  model.family = &family_for(architecture, naming, where);
  if (naming == Naming::huggingface) {
    check_model_type(*model.family, architecture, json, where);
  }
  ConfigFields fields(std::move(json), where);
  try {
    model.config = model.family->config(fields);
  } catch (const Json::exception& error) {
    throw DataError("{}: a field has the wrong type: {}", where, json_fault(error.what()));
  }
  fields.finish();
  model.config.family = model.family->name;
  model.config.architecture = architecture;
  try {
    check(model.config);
  } catch (const DataError& error) {
    throw DataError("{}: {}", where, error.what());
  }
}

void read_huggingface_config(Opened& model, const Json& config, const std::string& where) {
  const Json json = text_part(config);
  const Json architectures = json.is_object() ? json.value("architectures", Json()) : Json();
  if (!architectures.is_array() || architectures.size() != 1 || !architectures[0].is_string()) {
    throw DataError("{}: \"architectures\" must name one architecture", where);
  }
  read_config(model, architectures[0].get<std::string>(), Naming::huggingface, json, where);
}

Opened open_gguf(const fs::path& path) {
  Opened model;
  model.path = path;
  auto file = std::make_unique<GgufFile>(path);
  model.gguf = file.get();
  const std::string where = path.string();
  read_config(
      model, gguf_architecture(*file, where), Naming::gguf, config_from_gguf(*file, where), where);
  model.source = std::move(file);
  return model;
}

bool has_weights(const fs::path& directory) {
  return path_exists(directory / "model.safetensors") ||
         path_exists(directory / "model.safetensors.index.json");
}

Opened open_directory(const fs::path& path) {
  Opened model;
  model.path = path;
  const fs::path config_path = path / "config.json";
  if (!path_exists(config_path)) {
    throw DataError("{}: no config.json; is this a Hugging Face model directory?", path.string());
  }
  read_huggingface_config(model, read_json(config_path), config_path.string());
  if (has_weights(path)) {
    model.source = open_safetensors(path);
    settle_tied_head(
        *model.source, model.family->rules(model.config, Naming::huggingface), model.config);
  }
  return model;
}

Opened open(const std::string& name) {
  const fs::path path = find_model(name);
  return is_folder(path) ? open_directory(path) : open_gguf(path);
}

std::shared_ptr<const Tokenizer> read_tokenizer(const Opened& model) {
  if (model.gguf != nullptr) {
    if (!model.gguf->metadata().contains("tokenizer.ggml.model")) {
      return nullptr;
    }
    return std::make_shared<const Tokenizer>(
        Tokenizer::from_gguf(model.gguf->metadata(), model.path.string()));
  }
  if (!has_tokenizer(model.path)) {
    return nullptr;
  }
  return std::make_shared<const Tokenizer>(Tokenizer::from_directory(model.path));
}

// The tensors of a model: how many elements one has, and how often there is such a one.
std::vector<std::pair<double, double>> tensor_sizes(const ModelConfig& config) {
  Weights weights;
  weights.blocks.resize(1);
  std::vector<std::pair<double, double>> sizes;
  const auto add = [&](const std::map<std::string, Parameter>& parameters, std::int64_t times) {
    for (const double size : tensor_sizes(parameters)) {
      sizes.emplace_back(size, static_cast<double>(times));
    }
  };
  add(model_parameters(weights, config), 1);
  for (const LayerMlp kind : {LayerMlp::dense, LayerMlp::experts}) {  // layers of a kind are alike
    const auto is_one = [&](const LayerConfig& layer) { return layer.mlp == kind; };
    const auto first = std::find_if(config.layers.begin(), config.layers.end(), is_one);
    if (first != config.layers.end()) {
      add(block_parameters(weights.blocks.front(), config, first - config.layers.begin()),
          std::count_if(first, config.layers.end(), is_one));
    }
  }
  return sizes;
}

double weight_elements(const ModelConfig& config) {
  double sum = 0.0;
  for (const auto& [size, times] : tensor_sizes(config)) {
    sum += times * size;
  }
  return sum;
}

std::int64_t as_bytes(double elements, DType dtype) {
  constexpr double kMostBytes = 4e18;
  return static_cast<std::int64_t>(
      std::min(elements * static_cast<double>(size_of(dtype)), kMostBytes));
}

// What the host holds of weights that go to a GPU: a tensor, and the stored ones it is read from.
std::int64_t passing_bytes(const ModelConfig& config, DType dtype) {
  double largest = 0.0;
  for (const auto& [size, times] : tensor_sizes(config)) {
    largest = std::max(largest, size);
  }
  return 2 * as_bytes(largest, dtype);
}

void refuse_if_too_large(const Opened& model, const LoadOptions& options) {
  if (options.weights == WeightStorage::packed) {
    return;  // refuse_if_packed_too_large()
  }
  const Device& device = options.device;
  const auto check = [&](std::int64_t need, std::int64_t have, const std::string& where) {
    if (need > have) {
      throw ResourceError(
          "{}: the weights need {} in {} and {} has {} free; try --dtype bf16, more GPUs (--device "
          "cuda:0-1) or a smaller model",
          model.path.string(),
          format_bytes(need),
          to_string(options.dtype),
          where,
          format_bytes(have));
    }
  };
  if (device.is_cuda()) {
    const std::vector<double> elements = elements_by_device(model.config, device);
    for (int i = 0; i < device.count; ++i) {
      const Device one = one_of(device, i);
      check(as_bytes(elements[static_cast<std::size_t>(i)], options.dtype),
            free_memory(one),
            to_string(one));
    }
    check(passing_bytes(model.config, options.dtype), available_memory(), "the host");
  } else {
    check(weight_bytes(model.config, options.dtype), available_memory(), "this machine");
  }
}

// Where its files have each parameter; of a model with weights.
WeightRules rules_of(const Opened& model) {
  const Naming naming = model.gguf == nullptr ? Naming::huggingface : Naming::gguf;
  WeightRules rules = model.family->rules(model.config, naming);
  rules = with_embedding_from_head(*model.source, std::move(rules));
  return with_packed_experts(*model.source, with_preferred_names(*model.source, std::move(rules)));
}

void refuse_packed_elsewhere(const LoadOptions& options) {
  const char* instead = options.device.is_cuda()          ? "not on a GPU; leave out --device"
                        : options.dtype != DType::f32     ? "not in 16 bits; leave out --dtype"
                        : options.random_seed.has_value() ? "but random weights are not packed"
                                                          : nullptr;
  if (options.weights == WeightStorage::packed && instead != nullptr) {
    throw UsageError("packed weights are computed with in f32 on the CPU, {}", instead);
  }
}

void refuse_if_packed_too_large(const Opened& model, const WeightRules& rules) {
  const std::int64_t need = packed_weight_bytes(*model.source, model.config, rules);
  const std::int64_t have = available_memory();
  if (need > have) {
    throw ResourceError(
        "{}: the weights need {} packed and this machine has {} free; try a smaller model",
        model.path.string(),
        format_bytes(need),
        format_bytes(have));
  }
}

Model::Parts parts_without_weights(const Opened& opened,
                                   const std::string& name,
                                   const LoadOptions& options) {
  Model::Parts parts;
  parts.config = opened.config;
  parts.tokenizer = read_tokenizer(opened);
  parts.device = options.device;
  parts.layer_devices = layer_devices(opened.config, options.device);
  parts.dtype = options.dtype;
  parts.source.name = name;
  return parts;
}

}  // namespace

ModelConfig read_model_config(const Json& config, const std::string& where) {
  Opened model;
  read_huggingface_config(model, config, where);
  return model.config;
}

std::int64_t parameter_count(const ModelConfig& config) {
  return as_bytes(weight_elements(config), DType::f32) / 4;
}

std::int64_t weight_bytes(const ModelConfig& config, DType dtype) {
  return as_bytes(weight_elements(widened(config)), dtype);
}

Model load_model(const std::string& name, const LoadOptions& options) {
  refuse_packed_elsewhere(options);
  use_backend(options.device);
  const Opened opened = open(name);
  refuse_if_too_large(opened, options);
  Model::Parts parts = parts_without_weights(opened, name, options);
  if (options.random_seed) {
    parts.weights = random_weights(parts.config, options.dtype, parts.device, *options.random_seed);
    widen_embeddings(parts.weights, parts.config);
    parts.source.weights_hash = fmt::format("random:{}", *options.random_seed);
    return Model(std::move(parts));
  }
  if (opened.source == nullptr) {
    throw DataError("{}: a config without weights (model.safetensors or its index); download them",
                    opened.path.string());
  }
  const WeightRules rules = rules_of(opened);
  check_weights(*opened.source, parts.config, rules);  // before anything of their size is read
  if (options.weights == WeightStorage::packed) {
    refuse_if_packed_too_large(opened, rules);
  }
  // Hashing reads the files from front to back, which brings them into the page cache ahead of what
  // loads them.
  auto hash = std::async(std::launch::async, [&] { return opened.source->hash(); });
  parts.weights = load_weights(
      *opened.source, parts.config, rules, options.dtype, options.device, options.weights);
  widen_embeddings(parts.weights, parts.config);
  for (const fs::path& file : opened.source->files()) {
    parts.source.files.push_back(file.string());
  }
  parts.source.weights_hash = hash.get();
  return Model(std::move(parts));
}

Tokenizer load_tokenizer(const std::string& name) {
  Opened model;
  model.path = find_model(name);
  if (!is_folder(model.path)) {
    auto file = std::make_unique<GgufFile>(model.path);
    model.gguf = file.get();
    model.source = std::move(file);
  }
  const auto tokenizer = read_tokenizer(model);
  if (tokenizer == nullptr) {
    throw DataError(
        "{}: no tokenizer (tokenizer.json, tokenizer.model, vocab.json, vocab.txt, or a GGUF "
        "vocabulary)",
        model.path.string());
  }
  return *tokenizer;
}

void check_model(const std::string& name) {
  const Opened opened = open(name);
  if (opened.source != nullptr) {
    check_weights(*opened.source, opened.config, rules_of(opened));
  }
}

std::int64_t packed_weight_bytes(const std::string& name) {
  const Opened opened = open(name);
  return opened.source == nullptr
             ? 0
             : packed_weight_bytes(*opened.source, opened.config, rules_of(opened));
}

ModelSummary summarize_model(const std::string& name) {
  const Opened opened = open(name);
  ModelSummary summary;
  summary.config = opened.config;
  summary.path = opened.path;
  summary.parameters = parameter_count(opened.config);
  std::map<std::string, std::int64_t> encodings;
  if (opened.source != nullptr) {
    for (const StoredTensor& tensor : opened.source->tensors()) {
      encodings[tensor.encoding] += tensor.rows() * tensor.row_length();
    }
    for (const fs::path& file : opened.source->files()) {
      summary.stored_bytes += static_cast<std::int64_t>(fs::file_size(file));
    }
  }
  const auto most =
      std::max_element(encodings.begin(), encodings.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      });
  summary.stored = most == encodings.end() ? "no weights" : most->first;
  const auto tokenizer = read_tokenizer(opened);
  summary.tokenizer = tokenizer == nullptr ? "none" : tokenizer->kind();
  return summary;
}

}  // namespace headscope
