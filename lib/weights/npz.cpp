#include "lib/weights/npz.h"

#include <bit>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/mapped_file.h"

namespace headscope {
namespace {

static_assert(std::endian::native == std::endian::little, "zip numbers are read as they lie");

constexpr std::uint32_t kZipEnd = 0x06054b50;
constexpr std::uint32_t kZip64End = 0x06064b50;
constexpr std::uint32_t kZip64Locator = 0x07064b50;
constexpr std::uint32_t kZipEntry = 0x02014b50;
constexpr std::uint32_t kZipLocal = 0x04034b50;
constexpr std::size_t kZipEndBytes = 22;
constexpr std::size_t kMostComment = 65535;

// Numbers anywhere in the archive; DataError for one that lies outside.
class ZipBytes {
 public:
  ZipBytes(std::span<const std::uint8_t> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {}

  template <typename Number>
  [[nodiscard]] Number at(std::uint64_t offset) const {
    Number number;
    std::memcpy(&number, part(offset, sizeof number).data(), sizeof number);
    return number;
  }

  [[nodiscard]] std::span<const std::uint8_t> part(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      fail();
    }
    return bytes_.subspan(offset, size);
  }

  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  [[noreturn]] void fail() const {
    throw DataError("{}: no whole zip archive; download it again", where_);
  }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  std::span<const std::uint8_t> bytes_;
  const std::string& where_;
};

struct ZipDirectory {
  std::uint64_t begin = 0;
  std::uint64_t entries = 0;
};

ZipDirectory zip_directory(const ZipBytes& zip) {
  if (zip.size() < kZipEndBytes) {
    zip.fail();
  }
  std::uint64_t end = zip.size() - kZipEndBytes;
  const std::uint64_t last = end > kMostComment ? end - kMostComment : 0;
  while (zip.at<std::uint32_t>(end) != kZipEnd) {
    if (end-- == last) {
      zip.fail();
    }
  }
  ZipDirectory found{.begin = zip.at<std::uint32_t>(end + 16),
                     .entries = zip.at<std::uint16_t>(end + 10)};
  if (end >= 20 && zip.at<std::uint32_t>(end - 20) == kZip64Locator) {
    const auto big = zip.at<std::uint64_t>(end - 12);
    if (zip.at<std::uint32_t>(big) != kZip64End) {
      zip.fail();
    }
    found = {.begin = zip.at<std::uint64_t>(big + 48), .entries = zip.at<std::uint64_t>(big + 32)};
  }
  return found;
}

struct ZipEntry {
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // of its local header
};

// Sizes and offsets beyond 32 bits stand in an extra field, in this order, those alone that need
// it.
ZipEntry zip_entry(const ZipBytes& zip, std::uint64_t at) {
  ZipEntry entry{.size = zip.at<std::uint32_t>(at + 24), .offset = zip.at<std::uint32_t>(at + 42)};
  std::uint64_t stored = zip.at<std::uint32_t>(at + 20);
  std::uint64_t extra = at + 46 + zip.at<std::uint16_t>(at + 28);
  const std::uint64_t end = extra + zip.at<std::uint16_t>(at + 30);
  while (extra + 4 <= end) {
    std::uint64_t field = extra + 4;
    if (zip.at<std::uint16_t>(extra) == 1) {
      for (std::uint64_t* number : {&entry.size, &stored, &entry.offset}) {
        if (*number == UINT32_MAX) {
          *number = zip.at<std::uint64_t>(field);
          field += 8;
        }
      }
    }
    extra += std::uint64_t{4} + zip.at<std::uint16_t>(extra + 2);
  }
  return entry;
}

}  // namespace

std::map<std::string, std::span<const std::uint8_t>> stored_zip_files(
    std::span<const std::uint8_t> archive, const std::string& where) {
  const ZipBytes zip(archive, where);
  const ZipDirectory directory = zip_directory(zip);
  std::map<std::string, std::span<const std::uint8_t>> files;
  std::uint64_t at = directory.begin;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (zip.at<std::uint32_t>(at) != kZipEntry) {
      zip.fail();
    }
    const auto name_bytes = zip.part(at + 46, zip.at<std::uint16_t>(at + 28));
    const std::string name(reinterpret_cast<const char*>(name_bytes.data()), name_bytes.size());
    if (zip.at<std::uint16_t>(at + 10) != 0) {
      throw DataError("{}: {} is compressed; save it with numpy.savez()", where, name);
    }
    const ZipEntry entry = zip_entry(zip, at);
    if (zip.at<std::uint32_t>(entry.offset) != kZipLocal) {
      zip.fail();
    }
    const std::uint64_t data = entry.offset + 30 + zip.at<std::uint16_t>(entry.offset + 26) +
                               zip.at<std::uint16_t>(entry.offset + 28);
    files[name] = zip.part(data, entry.size);
    at += std::uint64_t{46} + zip.at<std::uint16_t>(at + 28) + zip.at<std::uint16_t>(at + 30) +
          zip.at<std::uint16_t>(at + 32);
  }
  return files;
}

std::map<std::string, NpyArray> read_npz(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::map<std::string, NpyArray> arrays;
  for (const auto& [name, bytes] : stored_zip_files(file.bytes(), path.string())) {
    const bool npy = name.ends_with(".npy");
    arrays[npy ? name.substr(0, name.size() - 4) : name] =
        parse_npy(bytes, path.string() + ": " + name);
  }
  return arrays;
}

}  // namespace headscope
