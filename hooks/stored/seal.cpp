#include "hooks/stored/seal.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/hash.h"

namespace headscope {
namespace {

constexpr std::size_t kBlock = 1u << 20;

struct Seal {
  std::uint64_t metadata_end = 0;
  std::uint64_t file_size = 0;
};

std::string digits(std::uint64_t number) {
  return fmt::format("{:020}", number);
}

// What the first line opens with; the version follows.
std::string magic_of(const FileKind& kind) {
  return std::string(kind.format) + " ";
}

std::string sizes_text(const FileKind& kind, const Seal& seal) {
  return fmt::format("{}{}\nmetadata {}\nsize {}\n",
                     magic_of(kind),
                     kind.version,
                     digits(seal.metadata_end),
                     digits(seal.file_size));
}

// The whole block: the sizes, the checksum of them and of the metadata, and NUL to the end.
std::string seal_text(const PosixFile& file, const FileKind& kind, const Seal& seal) {
  std::string text = sizes_text(kind, seal);
  Hasher hasher;
  hasher.update(text);
  std::vector<std::uint8_t> block(kBlock);
  for (std::uint64_t at = kSealBytes; at < seal.metadata_end; at += block.size()) {
    block.resize(std::min<std::uint64_t>(kBlock, seal.metadata_end - at));
    if (!file.read(at, block.data(), block.size())) {
      throw DataError("{}: cannot read its metadata: {}",
                      file.path().string(),
                      errno == 0 ? "the file ends too soon" : std::strerror(errno));
    }
    hasher.update(block);
  }
  text += hasher.digest() + "\n";
  text.resize(kSealBytes, '\0');
  return text;
}

std::uint64_t number_after(std::string_view text, std::string_view label) {
  const std::size_t at = text.find(label);
  std::uint64_t number = 0;
  if (at != std::string_view::npos) {
    const char* begin = text.data() + at + label.size();
    std::from_chars(begin, text.data() + text.size(), number);
  }
  return number;
}

[[noreturn]] void throw_damaged(const PosixFile& file, const FileKind& kind) {
  throw DataError(
      "{}: its metadata are damaged or were changed by another program; {}, or look at what is "
      "left with h5py",
      file.path().string(),
      kind.again);
}

void check_version(const PosixFile& file, const FileKind& kind, std::string_view text) {
  if (!text.starts_with(magic_of(kind))) {
    throw DataError("{}: not a headscope {}; {}", file.path().string(), kind.noun, kind.source);
  }
  const std::uint64_t version = number_after(text, magic_of(kind));
  if (version != static_cast<std::uint64_t>(kind.version)) {
    throw DataError("{}: {} version {}, but this headscope reads version {}; use a matching one",
                    file.path().string(),
                    kind.noun,
                    version,
                    kind.version);
  }
}

// The first kSealBytes, or as many as there are, filled up with NUL.
std::string first_bytes(const PosixFile& file) {
  std::string text(kSealBytes, '\0');
  if (!file.read(0, text.data(), std::min<std::uint64_t>(file.size(), kSealBytes))) {
    throw DataError("{}: cannot read: {}", file.path().string(), std::strerror(errno));
  }
  return text;
}

}  // namespace

void write_seal(const PosixFile& file, const FileKind& kind, std::uint64_t metadata_end) {
  const std::string text = seal_text(file, kind, {metadata_end, file.size()});
  if (!file.write(0, text.data(), text.size())) {
    throw ResourceError("{}: cannot write: {}", file.path().string(), std::strerror(errno));
  }
}

void check_seal(const PosixFile& file, const FileKind& kind) {
  const std::uint64_t size = file.size();
  const std::string text = first_bytes(file);
  check_version(file, kind, text);
  const Seal seal{number_after(text, "\nmetadata "), number_after(text, "\nsize ")};
  if (!text.starts_with(sizes_text(kind, seal)) || seal.metadata_end < kSealBytes ||
      seal.metadata_end > seal.file_size) {
    throw_damaged(file, kind);
  }
  if (size != seal.file_size) {
    throw DataError("{}: {} bytes long but should be {}; copy it again or {}",
                    file.path().string(),
                    size,
                    seal.file_size,
                    kind.again);
  }
  if (seal_text(file, kind, seal) != text) {
    throw_damaged(file, kind);
  }
}

bool is_of_kind(const PosixFile& file, const FileKind& kind) {
  const bool lines = kind.form == FileKind::Form::lines;
  return first_bytes(file).starts_with(lines ? fmt::format(R"({{"format":"{}")", kind.format)
                                             : magic_of(kind));
}

}  // namespace headscope
