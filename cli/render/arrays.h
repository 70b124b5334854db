// Arrays for other programs: NumPy's .npy and plain .csv.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace headscope {

// An array with named axes. `values` is row-major and holds the product of the axes' sizes.
struct LabelledArray {
  struct Axis {
    std::string name;  // "query"
    std::int64_t size = 0;
    std::vector<std::string> labels;  // token pieces (raw bytes), one an index; may be empty
  };
  std::vector<Axis> axes;
  std::vector<float> values;
};

// NumPy format 1.0, little-endian f32, C order: numpy.load(path) gives the array.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// Throws InternalError if shape and values disagree; ResourceError, UsageError of OutputFile.
void write_npy(const std::filesystem::path& path,
               std::span<const std::int64_t> shape,
               std::span<const float> values);

// One line a value: the index on each axis, its label where the axis has labels, the value in the
// fewest digits that give the same f32 (nan, inf, -inf otherwise). Header: "query,query_label,key,
// key_label,value". Labels are made visible (visible.h); quoting as in RFC 4180.
void write_csv(const std::filesystem::path& path, const LabelledArray& array);

}  // namespace headscope
