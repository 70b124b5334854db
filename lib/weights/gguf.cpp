#include "lib/weights/gguf.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/weights/gguf_reader.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostParts = 99'999;  // five digits in a part's name

// Which part of how many a file is; files that are whole say nothing of it.
struct SplitPart {
  std::int64_t number = 0;  // from 0
  std::int64_t count = 1;
};

std::int64_t split_number(const Json& metadata,
                          const char* key,
                          std::int64_t missing,
                          const fs::path& path) {
  const Json value = metadata.value(key, Json(missing));
  if (!value.is_number_integer() || value < 0 || value > kMostParts) {
    throw DataError("{}: {} is {}; it must be a whole number up to {}",
                    path.string(),
                    key,
                    value.dump(),
                    kMostParts);
  }
  return value.get<std::int64_t>();
}

SplitPart part_of(const Json& metadata, const fs::path& path) {
  return {split_number(metadata, "split.no", 0, path),
          std::max<std::int64_t>(1, split_number(metadata, "split.count", 1, path))};
}

std::string name_end(std::int64_t number, std::int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

fs::path other_part(const fs::path& first, std::int64_t number, std::int64_t count) {
  const std::string name = first.filename().string();
  const std::string end = name_end(0, count);
  if (!name.ends_with(end)) {
    throw DataError(
        "{}: the first of {} parts, whose name must end in {} for the others to be found",
        first.string(),
        count,
        end);
  }
  fs::path other = first;
  other.replace_filename(name.substr(0, name.size() - end.size()) + name_end(number, count));
  if (!path_exists(other)) {
    throw DataError("{}: part {} of {} is missing; download it", other.string(), number + 1, count);
  }
  return other;
}

void check_part(const Json& metadata, const fs::path& path, const SplitPart& wanted) {
  const SplitPart part = part_of(metadata, path);
  if (part.number != wanted.number || part.count != wanted.count) {
    throw DataError("{}: says it is part {} of {}, not {} of {}; download the parts again",
                    path.string(),
                    part.number + 1,
                    part.count,
                    wanted.number + 1,
                    wanted.count);
  }
}

}  // namespace

GgufFile::GgufFile(const fs::path& path) {
  metadata_ = add_file(path);
  const SplitPart first = part_of(metadata_, path);
  if (first.number != 0) {
    throw DataError("{}: part {} of {}; name the first, which ends in {}, or the folder",
                    path.string(),
                    first.number + 1,
                    first.count,
                    name_end(0, first.count));
  }
  for (std::int64_t number = 1; number < first.count; ++number) {
    const fs::path other = other_part(path, number, first.count);
    check_part(add_file(other), other, {number, first.count});
  }
  const Json total = metadata_.value("split.tensors.count", Json(tensors().size()));
  if (first.count > 1 && total != tensors().size()) {
    throw DataError("{}: its {} hold {}, not {}; they are not of one model: download them again",
                    path.string(),
                    counted(first.count, "part"),
                    counted(static_cast<std::int64_t>(tensors().size()), "tensor"),
                    total.dump());
  }
}

Json GgufFile::add_file(const fs::path& path) {
  const MappedFile& file = map(path);
  GgufHeader header = read_gguf_header(file.bytes(), path.string());
  for (GgufTensor& entry : header.tensors) {
    add(std::move(entry.tensor),
        {&file, entry.encoding, file.bytes().subspan(entry.begin, entry.bytes)});
  }
  return std::move(header.metadata);
}

fs::path find_first_gguf_part(const fs::path& directory) {
  fs::path first;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.find("-00001-of-") == std::string::npos || !name.ends_with(".gguf")) {
      continue;
    }
    if (!first.empty()) {
      throw DataError("{}: holds the parts of several models ({} and {}); name one's first part",
                      directory.string(),
                      first.filename().string(),
                      name);
    }
    first = entry.path();
  }
  return first;
}

}  // namespace headscope
