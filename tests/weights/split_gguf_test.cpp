// GGUF models in several files, as llama.cpp's gguf-split writes them.
#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/weights/gguf.h"
#include "tests/support/catch.h"
#include "tests/weights/file_bytes.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

namespace {

constexpr std::uint32_t kU16 = 2;
constexpr std::uint32_t kI32 = 5;

// Part `number` of `count` holds the one number `number` as tensor "t<number>".
std::string split_part(std::uint16_t number, std::uint16_t count, std::int32_t tensors) {
  GgufParts parts;
  parts.entry("split.no", kU16, raw(number));
  parts.entry("split.count", kU16, raw(count));
  parts.entry("split.tensors.count", kI32, raw(tensors));
  if (number == 0) {
    parts.entry("general.architecture", 8, gguf_string("llama"));
  }
  parts.tensor(fmt::format("t{}", number), {1}, 0, 0);
  parts.data = raw(static_cast<float>(number));
  return parts.bytes();
}

std::filesystem::path write_parts(const TemporaryDirectory& folder, std::int32_t tensors = 3) {
  for (std::uint16_t i = 1; i < 3; ++i) {
    folder.write(fmt::format("m-{:05}-of-00003.gguf", i + 1), split_part(i, 3, tensors));
  }
  return folder.write("m-00001-of-00003.gguf", split_part(0, 3, tensors));
}

}  // namespace

TEST_CASE("a split GGUF is opened by its first part or its folder") {
  const TemporaryDirectory folder;
  const auto first = write_parts(folder);
  CHECK(find_first_gguf_part(folder.path()) == first);
  const GgufFile file(first);
  CHECK(file.metadata()["general.architecture"] == "llama");
  CHECK(file.files().size() == 3);
  REQUIRE(file.tensors().size() == 3);
  for (int i = 0; i < 3; ++i) {
    float value = -1;
    file.read_rows(*file.find(fmt::format("t{}", i)), 0, 1, DType::f32, &value);
    CHECK(value == static_cast<float>(i));
  }
}

TEST_CASE("parts that are missing, not the first, or another model's are named") {
  const TemporaryDirectory folder;
  const auto first = write_parts(folder);
  const auto fails = [&](const std::filesystem::path& path, const char* problem) {
    CHECK_THROWS_WITH(GgufFile(path), contains(problem));
  };
  fails(folder.path() / "m-00002-of-00003.gguf",
        "part 2 of 3; name the first, which ends in "
        "-00001-of-00003.gguf, or the folder");
  folder.write("m-00003-of-00003.gguf", split_part(1, 3, 3));
  fails(first, "is stored twice (also in m-00002-of-00003.gguf)");
  folder.write("m-00003-of-00003.gguf", split_part(2, 4, 3));
  fails(first, "says it is part 3 of 4, not 3 of 3");
  std::filesystem::remove(folder.path() / "m-00003-of-00003.gguf");
  fails(first, "m-00003-of-00003.gguf: part 3 of 3 is missing");
  write_parts(folder, 4);
  fails(first, "its 3 parts hold 3 tensors, not 4");
  const auto renamed = folder.write("model.gguf", split_part(0, 3, 3));
  fails(renamed, "must end in -00001-of-00003.gguf");
  folder.write("n-00001-of-00002.gguf", "");
  CHECK_THROWS_WITH(find_first_gguf_part(folder.path()), contains("several models"));
}
