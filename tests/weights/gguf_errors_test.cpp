// Every way a GGUF file can be broken has its message.
#include "lib/base/error.h"
#include "lib/weights/gguf.h"
#include "tests/support/catch.h"
#include "tests/weights/file_bytes.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

namespace {

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kQ4_0 = 2;

void check_gguf_errors_fails(const std::string& bytes, const std::string& message) {
  const TemporaryDirectory folder;
  const auto path = folder.write("x.gguf", bytes);
  CHECK_THROWS_AS(GgufFile(path), DataError);
  CHECK_THROWS_WITH(GgufFile(path), contains("x.gguf: ") && contains(message));
}

void check_gguf_errors_fails(const GgufParts& parts, const std::string& message) {
  check_gguf_errors_fails(parts.bytes(), message);
}

GgufParts with_tensor(const std::vector<std::uint64_t>& axes,
                      std::uint32_t type,
                      std::uint64_t offset) {
  GgufParts parts;
  parts.tensor("w", axes, type, offset);
  parts.data = std::string(64, '\0');
  return parts;
}

constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;

}  // namespace

TEST_CASE("what is no GGUF file of ours") {
  check_gguf_errors_fails("", "the file ends at byte 0");
  check_gguf_errors_fails("GGUF", "the file ends at byte 4");
  check_gguf_errors_fails("<!DOCTYPE html>", "no GGUF file");
  GgufParts parts;
  parts.version = 1;
  check_gguf_errors_fails(parts, "GGUF version 1; headscope reads 2 and 3");
  parts.version = 4;
  check_gguf_errors_fails(parts, "GGUF version 4");
  parts.version = 0;
  check_gguf_errors_fails(parts, "GGUF version 0");
  parts.version = 3u << 24;
  check_gguf_errors_fails(parts, "big-endian");
}

TEST_CASE("a part of a split model says how the others are found") {
  GgufParts parts;
  parts.entry("split.count", 2, raw<std::uint16_t>(3));
  check_gguf_errors_fails(parts,
                          "the first of 3 parts, whose name must end in -00001-of-00003.gguf");
}

TEST_CASE("counts and lengths that leave the file") {
  GgufParts parts;
  parts.tensor_count = kHuge;
  check_gguf_errors_fails(parts, "4611686018427387904 tensors cannot fit");
  parts.tensor_count = 0;
  parts.entry_count = ~std::uint64_t{0};
  check_gguf_errors_fails(parts, "18446744073709551615 metadata entries cannot fit");
  const auto fails_with = [](std::uint32_t type, const std::string& value, const char* message) {
    GgufParts broken;
    broken.entry("k", type, value);
    check_gguf_errors_fails(broken, message);
  };
  fails_with(8, raw(kHuge), "metadata key 'k': a string of 4611686018427387904 bytes");
  fails_with(8, raw(std::uint64_t{1000}), "a string of 1000 bytes");
  fails_with(9, raw(8u) + raw(kHuge), "4611686018427387904 array elements cannot fit");
  fails_with(9, raw(0u) + raw(std::uint64_t{1000}), "1000 array elements cannot fit");
  fails_with(9, raw(13u) + raw(std::uint64_t{0}), "array of unknown value type 13");
  fails_with(13, "", "unknown value type 13");
  fails_with(7, "\x02", "a bool of value 2");
}

TEST_CASE("arrays nest so deep and no deeper") {
  std::string value;
  for (int level = 0; level < 100'000; ++level) {
    value += raw(9u) + raw(std::uint64_t{1});
  }
  GgufParts parts;
  parts.entry("k", 9, value);
  check_gguf_errors_fails(parts, "nested deeper than 8");
}

TEST_CASE("keys and tensors given twice") {
  GgufParts parts;
  parts.entry("k", 0, "\1").entry("k", 0, "\2");
  check_gguf_errors_fails(parts, "metadata key 'k': given twice");
  GgufParts twice = with_tensor({1}, kF32, 0);
  twice.tensor("w", {1}, kF32, 32);
  check_gguf_errors_fails(twice, "tensor 'w' is stored twice");
}

TEST_CASE("an alignment that is none") {
  for (const std::uint32_t alignment : {0u, 3u, 48u}) {
    GgufParts parts;
    parts.entry("general.alignment", 4, raw(alignment));
    check_gguf_errors_fails(parts, "general.alignment is no power of two");
  }
  GgufParts text;
  text.entry("general.alignment", 8, gguf_string("32"));
  check_gguf_errors_fails(text, "general.alignment is no power of two");
}

TEST_CASE("tensors that do not fit") {
  check_gguf_errors_fails(with_tensor({kHuge, 4}, kF32, 0),
                          "tensor 'w': axis 1 of length 4 overflows");
  check_gguf_errors_fails(with_tensor({std::uint64_t{1} << 63}, kF32, 0), "overflows");
  check_gguf_errors_fails(with_tensor({0, kHuge, 4}, kF32, 0), "overflows");
  check_gguf_errors_fails(with_tensor({1, 1, 1, 1, 1}, kF32, 0), "5 axes, more than GGUF's 4");
  check_gguf_errors_fails(with_tensor({17}, kF32, 0),
                          "outside the file; the file is damaged or incomplete");
  check_gguf_errors_fails(with_tensor({16}, kF32, 32),
                          "64 bytes at offset 32 of the 64 bytes of tensor data");
  check_gguf_errors_fails(with_tensor({1}, kF32, ~std::uint64_t{31}), "outside the file");
  check_gguf_errors_fails(with_tensor({1}, kF32, 16),
                          "offset 16 is no multiple of the alignment 32");
  check_gguf_errors_fails(with_tensor({16, 2}, kQ4_0, 0),
                          "rows of 16 values are no multiple of Q4_0's blocks");
  check_gguf_errors_fails(with_tensor({}, kQ4_0, 0), "rows of 1 values are no multiple");
  check_gguf_errors_fails(with_tensor({1}, 4, 0), "tensor 'w': unknown tensor type 4");
  check_gguf_errors_fails(with_tensor({1}, 1000, 0), "unknown tensor type 1000");
}

TEST_CASE("GGUF tensors that overlap") {
  GgufParts parts = with_tensor({16}, kF32, 0);
  parts.tensor("v", {8}, kF32, 32);
  check_gguf_errors_fails(parts, "tensor 'v': overlaps tensor 'w'");
}

TEST_CASE("a file cut anywhere fails") {
  GgufParts parts = with_tensor({16}, kF32, 0);
  parts.entry("k", 9, raw(8u) + raw(std::uint64_t{2}) + gguf_string("ab") + gguf_string("cd"));
  const std::string whole = parts.bytes();
  const TemporaryDirectory folder;
  CHECK_NOTHROW(GgufFile(folder.write("whole.gguf", whole)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto path = folder.write("cut.gguf", whole.substr(0, size));
    REQUIRE_THROWS_AS(GgufFile(path), DataError);
  }
}
