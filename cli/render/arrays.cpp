#include "cli/render/arrays.h"

#include <bit>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

static_assert(std::endian::native == std::endian::little, "npy files are written as they lie");

constexpr std::size_t kFlushBytes = 1 << 20;

void check_size(const std::filesystem::path& path,
                std::span<const std::int64_t> shape,
                std::size_t values) {
  const auto count =
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  if (count < 0 || static_cast<std::size_t>(count) != values) {
    throw InternalError(
        "{}: shape holds {} values but {} were given", path.string(), count, values);
  }
}

std::string npy_header(std::span<const std::int64_t> shape) {
  std::string sizes;
  for (const auto size : shape) {
    sizes += fmt::format("{}, ", size);
  }
  if (shape.size() > 1) {
    sizes.resize(sizes.size() - 2);  // a tuple of one keeps its comma
  }
  std::string dict =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sizes);
  constexpr std::size_t kPreamble = 10;
  dict.resize((kPreamble + dict.size() + 1 + 63) / 64 * 64 - kPreamble - 1, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    return text;
  }
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' ? "\"\"" : std::string(1, c);
  }
  return out + "\"";
}

std::string csv_header(const LabelledArray& array) {
  std::string line;
  for (const auto& axis : array.axes) {
    line += quoted(axis.name) + ",";
    line += axis.labels.empty() ? "" : quoted(axis.name + "_label") + ",";
  }
  return line + "value\n";
}

// Per axis and index: "3," or "3,␣Mary,".
std::vector<std::vector<std::string>> index_fields(const LabelledArray& array) {
  std::vector<std::vector<std::string>> fields;
  for (const auto& axis : array.axes) {
    auto& column = fields.emplace_back();
    for (std::int64_t i = 0; i < axis.size; ++i) {
      column.push_back(fmt::format("{},", i));
      if (!axis.labels.empty()) {
        column.back() += quoted(visible(axis.labels.at(static_cast<std::size_t>(i)))) + ",";
      }
    }
  }
  return fields;
}

// Moves `index` to the next element in row-major order.
void advance(std::vector<std::size_t>& index, const LabelledArray& array) {
  for (std::size_t axis = index.size(); axis-- > 0;) {
    if (++index[axis] < static_cast<std::size_t>(array.axes[axis].size)) {
      return;
    }
    index[axis] = 0;
  }
}

}  // namespace

void write_npy(const std::filesystem::path& path,
               std::span<const std::int64_t> shape,
               std::span<const float> values) {
  check_size(path, shape, values.size());
  OutputFile file(path);
  file.write(npy_header(shape));
  file.write({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  file.commit();
}

void write_csv(const std::filesystem::path& path, const LabelledArray& array) {
  std::vector<std::int64_t> shape;
  for (const auto& axis : array.axes) {
    shape.push_back(axis.size);
    if (!axis.labels.empty() && axis.labels.size() != static_cast<std::size_t>(axis.size)) {
      throw InternalError("{}: axis {} has {} labels for {} indices",
                          path.string(),
                          axis.name,
                          axis.labels.size(),
                          axis.size);
    }
  }
  check_size(path, shape, array.values.size());
  OutputFile file(path);
  const auto fields = index_fields(array);
  std::vector<std::size_t> index(array.axes.size());
  std::string text = csv_header(array);
  for (const float value : array.values) {
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      text += fields[axis][index[axis]];
    }
    text += fmt::format("{}\n", value);
    advance(index, array);
    if (text.size() > kFlushBytes) {
      file.write(text);
      text.clear();
    }
  }
  file.write(text);
  file.commit();
}

}  // namespace headscope
