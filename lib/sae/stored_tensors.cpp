#include "lib/sae/stored_tensors.h"

#include "lib/tensor/ops.h"
#include "lib/weights/weight_source.h"

namespace headscope {

StoredSaeTensors read_stored_tensors(const std::filesystem::path& file) {
  const auto source = open_safetensors(file);
  StoredSaeTensors tensors;
  for (const StoredTensor& stored : source->tensors()) {
    Tensor tensor = at::empty(stored.shape, at::kFloat);
    source->read_rows(stored, 0, stored.rows(), DType::f32, tensor.data_ptr());
    tensors[stored.name] = tensor;
  }
  return tensors;
}

Tensor first_of(const StoredSaeTensors& tensors, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto found = tensors.find(name); found != tensors.end()) {
      return found->second;
    }
  }
  return {};
}

}  // namespace headscope
