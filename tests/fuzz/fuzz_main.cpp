// The entry of libFuzzer: the reader that HEADSCOPE_FUZZ names reads what the fuzzer made.
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "lib/base/parallel.h"
#include "lib/base/warning.h"
#include "tests/fuzz/reader.h"

namespace {

using namespace headscope;

const fuzz::Reader& chosen() {
  const char* name = std::getenv("HEADSCOPE_FUZZ");
  for (const fuzz::Reader& reader : fuzz::readers()) {
    if (name != nullptr && reader.name == name) {
      return reader;
    }
  }
  std::fprintf(stderr, "HEADSCOPE_FUZZ=NAME chooses the reader; there are:\n");
  for (const fuzz::Reader& reader : fuzz::readers()) {
    std::fprintf(stderr, "  %.*s\n", static_cast<int>(reader.name.size()), reader.name.data());
  }
  ::_exit(2);  // without a report of a crash
}

// In memory, where the machine has such a place: a file is written for every input.
std::filesystem::path own_folder() {
  const std::filesystem::path memory = "/dev/shm";
  const auto base =
      std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
  const auto folder = base / ("headscope-fuzz-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Reader& reader = chosen();
  static const std::filesystem::path folder = [] {
    set_thread_count(1);
    set_warning_sink([](const std::string&) {});
    static const std::filesystem::path made = own_folder();
    std::atexit([] { std::filesystem::remove_all(made); });
    return made;
  }();
  (void)fuzz::accepts(reader, {reinterpret_cast<const char*>(data), size}, folder);
  return 0;
}
