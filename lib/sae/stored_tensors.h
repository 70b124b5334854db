// Tensors of a safetensors file, as f32 on the CPU.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "lib/tensor/tensor.h"

namespace headscope {

using StoredSaeTensors = std::map<std::string, Tensor>;

// Throws what open_safetensors() does.
StoredSaeTensors read_stored_tensors(const std::filesystem::path& file);

// The tensor of the first of these names that is there; undefined if none is.
Tensor first_of(const StoredSaeTensors& tensors, std::initializer_list<const char*> names);

}  // namespace headscope
