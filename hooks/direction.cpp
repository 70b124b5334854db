#include "hooks/direction.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "hooks/intervention_json.h"
#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/hash.h"
#include "lib/base/mapped_file.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/suggest.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "lib/weights/safetensors_header.h"
#include "lib/weights/write_safetensors.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

constexpr int kDirectionVersion = 1;
constexpr const char* kDescription = "direction.json";
constexpr const char* kValues = "values.safetensors";
constexpr const char* kEdits = "edits.json";

std::string hash_of_bytes(std::string_view bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.digest();
}

std::string values_bytes(const SteeringDirection& direction) {
  std::vector<NamedArray> arrays;
  for (const SteeringDirection::Point& point : direction.points) {
    arrays.push_back({point.name, point.values.sizes().vec(), to_floats(point.values)});
  }
  return safetensors_bytes(arrays);
}

OrderedJson description_of(const SteeringDirection& direction, const std::string& values_hash) {
  OrderedJson points = OrderedJson::array();
  for (const SteeringDirection::Point& point : direction.points) {
    OrderedJson one{{"point", point.name}, {"shape", point.values.sizes().vec()}};
    if (!point.heads.empty()) {
      one["heads"] = point.heads;
    }
    points.push_back(std::move(one));
  }
  return {{"version", kDirectionVersion},
          {"method", direction.method},
          {"op", to_string(direction.op)},
          {"points", points},
          {"model",
           {{"name", direction.model},
            {"weights_hash", direction.weights_hash},
            {"dtype", direction.dtype},
            {"config", direction.config}}},
          {"values_hash", values_hash},
          {"made", direction.made},
          {"scores", direction.scores}};
}

// The folder, whether the user named it or the description in it.
fs::path folder_of(const fs::path& path) {
  return path.filename() == kDescription ? path.parent_path() : path;
}

SteeringDirection::Point described_point(const Json& json) {
  SteeringDirection::Point point{.name = json.at("point").get<std::string>(), .values = {}};
  if (json.contains("heads")) {
    point.heads = json.at("heads").get<std::vector<std::int64_t>>();
  }
  return point;
}

SteeringDirection described(const Json& json) {
  SteeringDirection direction;
  direction.method = json.at("method").get<std::string>();
  direction.op = parse_op(json.at("op").get<std::string>());
  for (const Json& point : json.at("points")) {
    direction.points.push_back(described_point(point));
  }
  const Json& model = json.at("model");
  direction.model = model.at("name").get<std::string>();
  direction.weights_hash = model.at("weights_hash").get<std::string>();
  direction.dtype = model.at("dtype").get<std::string>();
  direction.config = model.at("config");
  direction.made = json.at("made");
  direction.scores = json.at("scores");
  return direction;
}

void read_values(SteeringDirection& direction,
                 const Json& description,
                 std::span<const std::uint8_t> values,
                 const std::string& path) {
  if (Hasher().update(values).digest() != description.at("values_hash").get<std::string>()) {
    throw DataError(
        "{}: not the values that {} describes; fit the direction again", path, kDescription);
  }
  const std::vector<SafetensorsTensor> tensors = read_safetensors_header(values, path);
  for (std::size_t i = 0; i < direction.points.size(); ++i) {
    SteeringDirection::Point& point = direction.points[i];
    const auto shape = description.at("points")[i].at("shape").get<std::vector<std::int64_t>>();
    const auto tensor = std::find_if(tensors.begin(), tensors.end(), [&](const auto& each) {
      return each.tensor.name == point.name && each.tensor.shape == shape && each.encoding->dtype;
    });
    if (tensor == tensors.end()) {
      throw DataError("{}: no values of {} of the shape that {} says; fit the direction again",
                      path,
                      point.name,
                      kDescription);
    }
    point.values = at::empty(shape, at::kFloat);
    convert(values.data() + tensor->begin,
            *tensor->encoding->dtype,
            point.values.mutable_data_ptr(),
            DType::f32,
            static_cast<std::size_t>(point.values.numel()));
  }
}

void check_heads(const SteeringDirection& direction,
                 const SteeringDirection::Point& point,
                 const Intervention& what) {
  if (point.heads.empty()) {
    return;
  }
  const auto& asked = what.where.heads ? what.where.heads : what.where.kv_heads;
  const bool made =
      asked && std::all_of(asked->begin(), asked->end(), [&](std::int64_t head) {
        return std::find(point.heads.begin(), point.heads.end(), head) != point.heads.end();
      });
  if (!made) {
    throw UsageError("{}: this {} direction is of the heads [{}]; select those, or some of them",
                     point.name,
                     direction.method,
                     fmt::join(point.heads, ", "));
  }
}

}  // namespace

SteeringDirection direction_of(const Model& model, std::string method, Op op) {
  const ModelConfig& config = model.config();
  SteeringDirection direction{.method = std::move(method), .op = op};
  direction.model = model.source().name;
  direction.weights_hash = model.source().weights_hash;
  direction.dtype = to_string(model.dtype());
  direction.config = {{"family", config.family},
                      {"n_layers", config.n_layers},
                      {"n_heads", config.n_heads},
                      {"n_kv_heads", config.n_kv_heads},
                      {"d_head", config.d_head},
                      {"d_model", config.d_model}};
  return direction;
}

void write_direction(const SteeringDirection& direction,
                     const std::vector<Intervention>& edits,
                     const fs::path& folder) {
  const std::string values = values_bytes(direction);
  write_file(folder / kValues, values);
  write_file(folder / kEdits, to_json(edits).dump(1) + "\n");
  write_file(folder / kDescription,
             description_of(direction, hash_of_bytes(values))
                     .dump(1, ' ', false, OrderedJson::error_handler_t::replace) +
                 "\n");
}

SteeringDirection read_direction(const fs::path& path) {
  const fs::path folder = folder_of(path);
  const fs::path file = folder / kDescription;
  if (!path_exists(file)) {
    throw DataError(
        "{}: no {} in it; `headscope steer fit` makes a direction", folder.string(), kDescription);
  }
  const MappedFile values(folder / kValues);
  return direction_from(read_json(file), values.bytes(), folder.string() + "/");
}

SteeringDirection direction_from(const Json& description,
                                 std::span<const std::uint8_t> values,
                                 const std::string& where) {
  const auto version = description.is_object() ? description.find("version") : description.end();
  if (version == description.end() || *version != kDirectionVersion) {
    throw DataError("{}{}: not a direction of version {}", where, kDescription, kDirectionVersion);
  }
  try {
    SteeringDirection direction = described(description);
    read_values(direction, description, values, where + kValues);
    return direction;
  } catch (const Json::exception&) {
    throw DataError(
        "{}{}: a key is missing or of another type; fit the direction again", where, kDescription);
  }
}

std::vector<fs::path> direction_files(const fs::path& path) {
  const fs::path folder = folder_of(path);
  return {folder / kDescription, folder / kValues};
}

Tensor direction_values(const SteeringDirection& direction,
                        const Intervention& what,
                        HookPoint point,
                        const std::string& weights_hash) {
  const std::string path = what.values.file ? what.values.file->path.string() : direction.method;
  if (!weights_hash.empty() && !direction.weights_hash.empty() &&
      direction.weights_hash != weights_hash) {
    throw DataError(
        "{}: learned from another model ({}); fit it again with this one", path, direction.model);
  }
  if (what.op != direction.op) {
    throw UsageError(
        "{}: its op is \"{}\", not \"{}\"", path, to_string(direction.op), to_string(what.op));
  }
  const std::string here = hook_name(point.site, point.layer);
  std::vector<std::string> names;
  for (const SteeringDirection::Point& known : direction.points) {
    names.push_back(known.name);
    if (known.name == here) {
      check_heads(direction, known, what);
      return known.values;
    }
  }
  throw UsageError("{}: has nothing for {}; it is of {}", path, here, fmt::join(names, ", "));
}

}  // namespace headscope
