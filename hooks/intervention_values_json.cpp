#include "hooks/intervention_values_json.h"

#include <array>

#include <fmt/ranges.h>

#include "hooks/intervention_fields.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

// Nested lists of numbers, all of one length at each depth.
void flatten(const Json& json,
             std::size_t depth,
             InterventionValues& out,
             const std::string& where) {
  if (json.is_number() && depth == out.shape.size()) {
    if (!is_f32(json.get<double>())) {
      throw DataError("{}: \"values\" hold {}, not {}", where, json.dump(), kOfF32);
    }
    out.numbers.push_back(json.get<double>());
    return;
  }
  const bool fits = json.is_array() && depth < out.shape.size() &&
                    static_cast<std::int64_t>(json.size()) == out.shape[depth];
  if (!fits) {
    throw DataError("{}: \"values\" are not lists of numbers of one length", where);
  }
  for (const Json& each : json) {
    flatten(each, depth + 1, out, where);
  }
}

InterventionValues numbers_from(const Json& json, const std::string& where) {
  InterventionValues values;
  for (const Json* at = &json; at->is_array(); at = &at->front()) {
    if (at->empty()) {
      throw DataError("{}: \"values\" has an empty list", where);
    }
    values.shape.push_back(static_cast<std::int64_t>(at->size()));
  }
  flatten(json, 0, values, where);
  return values;
}

constexpr std::array<std::pair<ValuesFile::Kind, const char*>, 4> kFileKinds{
    {{ValuesFile::Kind::direction, "direction"},
     {ValuesFile::Kind::safetensors, "safetensors"},
     {ValuesFile::Kind::npy, "npy"},
     {ValuesFile::Kind::gguf, "gguf"}}};

std::vector<std::string> quoted_file_kinds() {
  std::vector<std::string> names;
  for (const auto& [kind, name] : kFileKinds) {
    names.push_back(fmt::format("\"{}\"", name));
  }
  return names;
}

std::optional<ValuesFile> values_file_from(InterventionFields& fields) {
  std::optional<ValuesFile> file;
  for (const auto& [kind, name] : kFileKinds) {
    const auto path = fields.text(name);
    if (path && file) {
      throw DataError("{}: two files, of which one is meant", fields.where());
    }
    if (path) {
      file = ValuesFile{.kind = kind, .path = *path};
    }
  }
  const auto tensor = fields.text("tensor");
  const bool named = file && file->kind == ValuesFile::Kind::safetensors;
  if (named != tensor.has_value()) {
    throw DataError("{}: \"tensor\" names one of a \"safetensors\" file", fields.where());
  }
  if (named) {
    file->tensor = *tensor;
  }
  return file;
}

OrderedJson nested(const InterventionValues& values, std::size_t depth, std::size_t& next) {
  if (depth == values.shape.size()) {
    return values.numbers.at(next++);
  }
  OrderedJson list = OrderedJson::array();
  for (std::int64_t i = 0; i < values.shape[depth]; ++i) {
    list.push_back(nested(values, depth + 1, next));
  }
  return list;
}

}  // namespace

InterventionValues values_from(const Json& json,
                               const std::string& where,
                               const std::filesystem::path& folder) {
  if (!json.is_object()) {
    return numbers_from(json, where);
  }
  InterventionFields fields(json, where + ", values");
  InterventionValues values;
  values.name = fields.text("name").value_or("");
  values.trace = fields.text("trace").value_or("");
  values.point = fields.text("point").value_or("");
  values.prompt = fields.text("prompt");
  values.file = values_file_from(fields);
  fields.refuse_others();
  if (int{!values.name.empty()} + int{!values.trace.empty()} + int{values.file.has_value()} != 1) {
    throw DataError("{}: give one of {}, \"trace\" or \"name\"",
                    fields.where(),
                    fmt::join(quoted_file_kinds(), ", "));
  }
  if (values.trace.empty() && (!values.point.empty() || values.prompt)) {
    throw DataError("{}: \"point\" and \"prompt\" are of a trace", fields.where());
  }
  if (!values.trace.empty()) {
    values.trace = folder / values.trace;
  }
  if (values.file) {
    values.file->path = folder / values.file->path;
  }
  return values;
}

OrderedJson values_json(const InterventionValues& values) {
  if (!values.numbers.empty()) {
    std::size_t next = 0;
    return nested(values, 0, next);
  }
  OrderedJson out = OrderedJson::object();
  if (!values.name.empty()) {
    out["name"] = values.name;
    return out;
  }
  if (values.file) {
    for (const auto& [kind, name] : kFileKinds) {
      if (kind == values.file->kind) {
        out[name] = values.file->path.string();
      }
    }
    if (!values.file->tensor.empty()) {
      out["tensor"] = values.file->tensor;
    }
    return out;
  }
  out["trace"] = values.trace.string();
  if (!values.point.empty()) {
    out["point"] = values.point;
  }
  if (values.prompt) {
    out["prompt"] = *values.prompt;
  }
  return out;
}

}  // namespace headscope
