#include "hooks/values_file.h"

#include <fmt/ranges.h>

#include "hooks/direction.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"
#include "lib/tensor/ops.h"
#include "lib/weights/gguf.h"
#include "lib/weights/npy.h"
#include "lib/weights/weight_source.h"

namespace headscope {
namespace {

Tensor read_tensor(const WeightSource& source, const StoredTensor& tensor) {
  Tensor out = at::empty(tensor.shape, at::kFloat);
  source.read_rows(tensor, 0, tensor.rows(), DType::f32, out.mutable_data_ptr());
  return out;
}

std::vector<std::string> tensor_names(const WeightSource& source) {
  std::vector<std::string> names;
  for (const StoredTensor& tensor : source.tensors()) {
    names.push_back(tensor.name);
  }
  return names;
}

Tensor safetensors_values(const ValuesFile& file) {
  const auto source = open_safetensors(file.path);
  const StoredTensor* tensor = source->find(file.tensor);
  if (tensor == nullptr) {
    throw DataError("{}: no tensor \"{}\"{}",
                    file.path.string(),
                    file.tensor,
                    did_you_mean(file.tensor, tensor_names(*source)));
  }
  return read_tensor(*source, *tensor);
}

Tensor npy_values(const ValuesFile& file) {
  const NpyArray array = read_npy(file.path);
  return at::tensor(array.values, at::kFloat).reshape(array.shape);
}

Tensor control_vector_values(const ValuesFile& file, HookPoint point) {
  const std::string path = file.path.string();
  const std::string here = hook_name(point.site, point.layer);
  if (point.site != Site::resid_post) {
    throw UsageError(
        "{}: a control vector of llama.cpp is added behind a block, at blocks.N.hook_resid_post, "
        "not at {}",
        path,
        here);
  }
  const GgufFile source(file.path);
  const std::string name = fmt::format("direction.{}", point.layer);
  const StoredTensor* tensor = point.layer == 0 ? nullptr : source.find(name);
  if (tensor == nullptr) {
    throw UsageError("{}: no {} for {}; it has {}: give their numbers as \"layers\"",
                     path,
                     name,
                     here,
                     fmt::join(tensor_names(source), ", "));
  }
  return read_tensor(source, *tensor);
}

Tensor file_tensor(const Intervention& what, HookPoint point, const std::string& weights_hash) {
  const ValuesFile& file = *what.values.file;
  switch (file.kind) {
    case ValuesFile::Kind::direction:
      return direction_values(read_direction(file.path), what, point, weights_hash);
    case ValuesFile::Kind::safetensors:
      return safetensors_values(file);
    case ValuesFile::Kind::npy:
      return npy_values(file);
    case ValuesFile::Kind::gguf:
      return control_vector_values(file, point);
  }
  throw InternalError("a kind of file that nobody reads");
}

}  // namespace

Tensor values_of_file(const Intervention& what, HookPoint point, const std::string& weights_hash) {
  Tensor values = file_tensor(what, point, weights_hash);
  if (!values.isfinite().all().item<bool>()) {
    throw DataError("{}: holds NaN or infinities", what.values.file->path.string());
  }
  return values;
}

}  // namespace headscope
