#include "analyses/lens/tuned_lens.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"
#include "lib/kernels/linear.h"
#include "lib/sae/stored_tensors.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::filesystem::path parameters_in(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "params.safetensors";
  if (path_exists(file)) {
    return file;
  }
  if (path_exists(folder / "params.pt")) {
    throw DataError(
        "{}: a pickle, which runs code when it is read; in Python, "
        "safetensors.torch.save_file(torch.load(\"params.pt\", weights_only=True), "
        "\"params.safetensors\") writes what headscope reads",
        (folder / "params.pt").string());
  }
  throw DataError("{}: no tuned lens (config.json and params.safetensors)", folder.string());
}

void check_config(const Json& config, const std::string& where, const ModelConfig& model) {
  const auto agree = [&](const char* name, std::int64_t ours) {
    if (!config.contains(name) || !config.at(name).is_number_integer() || config.at(name) != ours) {
      throw DataError("{}: {} is {}, and the model's is {}",
                      where,
                      name,
                      config.contains(name) ? config.at(name).dump() : "missing",
                      ours);
    }
  };
  if (!config.is_object()) {
    throw DataError("{}: not an object", where);
  }
  agree("d_model", model.d_model);
  agree("num_hidden_layers", model.n_layers);
  const Json type = config.value("lens_type", Json("linear_tuned_lens"));
  if (type != "linear_tuned_lens") {
    throw DataError("{}: lens_type {}; headscope reads linear_tuned_lens", where, type.dump());
  }
}

// Takes the tensor out, so that what is left over is unknown.
Tensor take(StoredSaeTensors& tensors,
            const std::string& name,
            const std::vector<std::int64_t>& shape,
            const std::filesystem::path& file) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    throw DataError("{}: no tensor {}", file.string(), name);
  }
  Tensor tensor = found->second;
  if (tensor.sizes() != at::IntArrayRef(shape)) {
    throw DataError("{}: {} has another shape than the model needs", file.string(), name);
  }
  tensors.erase(found);
  return tensor;
}

}  // namespace

Tensor TunedLens::translate(const Tensor& stream, std::int64_t layer) const {
  const Translator& translator = translators.at(static_cast<std::size_t>(layer));
  const Tensor h = stream.to(at::kFloat);
  return h + linear_f32(h, translator.weight, translator.bias);
}

TunedLens read_tuned_lens(const std::filesystem::path& folder, const Model& model) {
  const std::filesystem::path file = parameters_in(folder);
  const std::filesystem::path config_file = folder / "config.json";
  const Json config = read_json(config_file);
  check_config(config, config_file.string(), model.config());
  const bool biased = config.value("bias", Json(true)) == true;
  const std::int64_t d = model.config().d_model;
  const at::Device device = model.weights().W_U.device();
  StoredSaeTensors tensors = read_stored_tensors(file);
  TunedLens lens;
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    const std::string name = std::to_string(layer);
    TunedLens::Translator translator{take(tensors, name + ".weight", {d, d}, file).to(device), {}};
    if (biased) {
      translator.bias = take(tensors, name + ".bias", {d}, file).to(device);
    }
    lens.translators.push_back(translator);
  }
  if (!tensors.empty()) {
    throw DataError("{}: {} is no tensor of a tuned lens", file.string(), tensors.begin()->first);
  }
  const Json name = config.value("base_model_name_or_path", Json(""));
  lens.model = name.is_string() ? name.get<std::string>() : "";
  return lens;
}

}  // namespace headscope
