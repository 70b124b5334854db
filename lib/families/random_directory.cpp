#include "lib/families/random_directory.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "lib/base/box_muller.h"
#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/output_file.h"
#include "lib/base/parallel.h"
#include "lib/base/paths.h"
#include "lib/base/random.h"
#include "lib/families/expert_weights.h"
#include "lib/families/family.h"
#include "lib/families/load.h"
#include "lib/families/load_weights.h"
#include "lib/families/parameters.h"
#include "lib/families/source_names.h"
#include "lib/weights/write_safetensors.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPiece = std::int64_t{1} << 20;  // values drawn and written at a time
constexpr std::int64_t kDrawn = std::int64_t{1} << 14;  // values of one stream of random numbers
constexpr double kDeviation = 0.02;

enum class Fill { drawn, zeros, ones };

// A tensor as the file has it.
struct Drawn {
  std::string name;
  std::vector<std::int64_t> shape;
  Fill fill;

  [[nodiscard]] std::int64_t count() const {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  }
};

Fill fill_of(const WeightRule& rule, const Parameter& parameter) {
  if (rule.target.ends_with(".b") || rule.layout == Layout::gain_minus_one) {
    return Fill::zeros;
  }
  if (parameter.is_norm) {
    return Fill::ones;
  }
  return parameter.row_length == 1 ? Fill::zeros : Fill::drawn;
}

void add_tensors(std::vector<Drawn>& out,
                 std::set<std::string>& names,
                 const std::vector<WeightRule>& rules,
                 const std::map<std::string, Parameter>& parameters,
                 std::int64_t layer) {
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, Fill fill) {
    if (names.insert(name).second) {  // one norm may stand for two of ours
      out.push_back({name, std::move(shape), fill});
    }
  };
  for (const WeightRule& rule : rules) {
    const Parameter& parameter = parameters.at(rule.target);
    const std::string name = source_name(rule.source, static_cast<int>(layer));
    std::vector<std::int64_t> shape = stored_shape(parameter, rule.layout);
    const auto expert = name.find("{e}");
    if (expert == std::string::npos && parameter.experts > 0) {
      shape.insert(shape.begin(), parameter.experts);  // all in one
    }
    if (expert == std::string::npos) {
      add(name, shape, fill_of(rule, parameter));
    }
    for (std::int64_t e = 0; expert != std::string::npos && e < parameter.experts; ++e) {
      add(std::string(name).replace(expert, 3, std::to_string(e)), shape, fill_of(rule, parameter));
    }
  }
}

std::vector<Drawn> tensors_of(const ModelConfig& config, const WeightRules& rules) {
  Weights weights;  // without tensors: only shapes are asked
  weights.blocks.resize(1);
  std::vector<Drawn> tensors;
  std::set<std::string> names;
  add_tensors(tensors, names, rules.model, model_parameters(weights, config), 0);
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    const LayerMlp kind = config.layers[static_cast<std::size_t>(layer)].mlp;
    std::vector<WeightRule> of_layer;
    for (const WeightRule& rule : rules.block) {
      if (is_of_layer(rule, kind)) {
        of_layer.push_back(rule);
      }
    }
    add_tensors(
        tensors, names, of_layer, block_parameters(weights.blocks.front(), config, layer), layer);
  }
  return tensors;
}

// Values [begin, begin + count) of a tensor, at `out`. Streams begin at multiples of kDrawn, so
// that threads share the work and the bytes do not depend on how many there are.
void draw(
    const Drawn& tensor, std::uint64_t seed, std::int64_t begin, std::int64_t count, float* out) {
  parallel_for((count + kDrawn - 1) / kDrawn, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t at = first * kDrawn; at < std::min(last * kDrawn, count); at += kDrawn) {
      Random random(seed, fmt::format("{}/{}", tensor.name, (begin + at) / kDrawn));
      for (std::int64_t i = at; i < std::min(at + kDrawn, count); i += 2) {
        const GaussianPair pair = gaussian_pair(random);
        const double radius = kDeviation * pair.radius;
        out[i] = static_cast<float>(radius * std::cos(pair.angle));
        if (i + 1 < count) {
          out[i + 1] = static_cast<float>(radius * std::sin(pair.angle));
        }
      }
    }
  });
}

void write_tensor(OutputFile& file, const Drawn& tensor, const RandomDirectoryOptions& options) {
  std::vector<float> values(static_cast<std::size_t>(kPiece),
                            tensor.fill == Fill::ones ? 1.0f : 0.0f);
  std::string bytes;
  for (std::int64_t begin = 0; begin < tensor.count(); begin += kPiece) {
    const std::int64_t count = std::min(kPiece, tensor.count() - begin);
    if (tensor.fill == Fill::drawn) {
      draw(tensor, options.seed, begin, count, values.data());
    }
    bytes.resize(static_cast<std::size_t>(count) * size_of(options.dtype));
    convert(
        values.data(), DType::f32, bytes.data(), options.dtype, static_cast<std::size_t>(count));
    file.write(bytes);
  }
}

std::string header(std::span<const Drawn> tensors, DType dtype) {
  static constexpr const char* kNames[] = {"F32", "BF16", "F16"};
  OrderedJson json = OrderedJson::object();
  json["__metadata__"] = {{"format", "pt"}};
  std::int64_t at = 0;
  for (const Drawn& tensor : tensors) {
    const std::int64_t end = at + tensor.count() * static_cast<std::int64_t>(size_of(dtype));
    json[tensor.name] = {{"dtype", kNames[static_cast<int>(dtype)]},
                         {"shape", tensor.shape},
                         {"data_offsets", {at, end}}};
    at = end;
  }
  return safetensors_header(json);
}

// Where each file ends, as numbers of tensors.
std::vector<std::size_t> file_ends(const std::vector<Drawn>& tensors,
                                   const RandomDirectoryOptions& options) {
  std::vector<std::size_t> ends;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    bytes += tensors[i].count() * static_cast<std::int64_t>(size_of(options.dtype));
    if (bytes >= options.shard_bytes || i + 1 == tensors.size()) {
      ends.push_back(i + 1);
      bytes = 0;
    }
  }
  return ends;
}

}  // namespace

RandomDirectoryResult write_random_directory(const fs::path& directory,
                                             const RandomDirectoryOptions& options) {
  const ModelConfig config = read_model_config(options.config, "the config");
  const Family family = family_for(config.architecture, Naming::huggingface, "the config");
  const std::vector<Drawn> tensors = tensors_of(config, family.rules(config, Naming::huggingface));
  check_output_folder(directory);
  const auto ends = file_ends(tensors, options);
  RandomDirectoryResult result;
  Json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", Json::object()}};
  std::size_t first = 0;
  for (const std::size_t end : ends) {
    const std::span mine = std::span(tensors).subspan(first, end - first);
    const std::string name =
        ends.size() == 1
            ? "model.safetensors"
            : fmt::format("model-{:05}-of-{:05}.safetensors", result.files + 1, ends.size());
    OutputFile file(directory / name);
    file.write(header(mine, options.dtype));
    for (const Drawn& tensor : mine) {
      write_tensor(file, tensor, options);
      result.parameters += tensor.count();
      index["weight_map"][tensor.name] = name;
    }
    file.commit();
    ++result.files;
    first = end;
  }
  result.bytes = result.parameters * static_cast<std::int64_t>(size_of(options.dtype));
  index["metadata"]["total_size"] = result.bytes;
  if (ends.size() > 1) {
    write_file(directory / "model.safetensors.index.json", index.dump(2) + "\n");
  }
  write_file(directory / "config.json", options.config.dump(2) + "\n");
  return result;
}

}  // namespace headscope
