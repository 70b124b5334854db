// One array of NumPy's .npy format. Free of Torch.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace headscope {

struct NpyArray {
  std::vector<std::int64_t> shape;  // slowest axis first; empty for a single number
  std::vector<float> values;        // row-major; f64 is rounded
};

// Throws DataError naming the path: no .npy file, one cut short or with bytes behind its values,
// values other than little-endian f16, f32 and f64, or columns first (Fortran order).
NpyArray read_npy(const std::filesystem::path& path);
// The same of a file's bytes; `name` opens messages.
NpyArray parse_npy(std::span<const std::uint8_t> bytes, const std::string& name);

}  // namespace headscope
