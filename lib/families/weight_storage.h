// How weights lie in memory.
#pragma once

#include <string_view>

namespace headscope {

// unpacked: each of them in the model's dtype. packed: matrices as their files pack them, where a
// file holds them smaller than f32 and row by row; other tensors as f32 (lib/tensor/packed.h).
enum class WeightStorage { unpacked, packed };

std::string_view to_string(WeightStorage storage);
WeightStorage parse_weight_storage(std::string_view text);  // "unpacked", "packed"; else UsageError

}  // namespace headscope
