// Every kept file, seed or once found by the fuzzer, is read or refused in one line; and every
// reader has seeds that it accepts, or fuzzing would begin nowhere.
#include <filesystem>
#include <string>

#include <zlib.h>

#include "tests/fuzz/reader.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace headscope;

namespace {

// The bytes of a kept file; those of large ones lie there compressed.
std::string kept_bytes(const std::filesystem::path& path) {
  gzFile file = ::gzopen(path.c_str(), "rb");  // which reads a plain file as it is
  REQUIRE(file != nullptr);
  std::string bytes;
  char piece[1 << 14];
  for (int read = 0; (read = ::gzread(file, piece, sizeof piece)) > 0;) {
    bytes.append(piece, static_cast<std::size_t>(read));
  }
  ::gzclose(file);
  return bytes;
}

}  // namespace

TEST_CASE("files of strangers are read or refused in one line") {
  const std::filesystem::path seeds =
      std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "tests/fuzz/seeds";
  for (const fuzz::Reader& reader : fuzz::readers()) {
    DYNAMIC_SECTION(reader.name) {
      const TempFolder folder;
      int accepted = 0;
      int refused = 0;
      for (const auto& entry : std::filesystem::directory_iterator(seeds / reader.name)) {
        INFO(entry.path().filename().string());
        const bool read = fuzz::accepts(reader, kept_bytes(entry.path()), folder.file(""));
        accepted += read ? 1 : 0;
        refused += read ? 0 : 1;
        CHECK(read == entry.path().filename().string().starts_with("good"));
      }
      CHECK(accepted > 0);
      CHECK(refused > 0);
    }
  }
}
