// Broken files by the thousand: each opens and reads to its end, or is a DataError. Run under
// AddressSanitizer (-DHEADSCOPE_ASAN=ON) as well.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <new>
#include <random>

#include "lib/base/error.h"
#include "lib/weights/gguf.h"
#include "tests/support/catch.h"
#include "tests/weights/file_bytes.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

namespace {

std::atomic<std::size_t> largest_allocation{0};

}  // namespace

// Every allocation of this test program passes here, so that a reader that believes a broken length
// is caught even where the system would hand out the memory. (Never inlined: a compiler that sees
// only one half of a pair there takes malloc and delete, or new and free, for a mismatch.)
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  std::size_t before = largest_allocation.load(std::memory_order_relaxed);
  while (before < bytes && !largest_allocation.compare_exchange_weak(before, bytes)) {
  }
  if (void* memory = std::malloc(std::max<std::size_t>(bytes, 1))) {
    return memory;
  }
  throw std::bad_alloc();
}

// The standard library pairs this one with the plain delete below.
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

constexpr int kMutants = 5000;
constexpr std::size_t kBytesPerByte = 64;  // JSON of a byte array takes 16; vectors may double
constexpr std::size_t kSmall = 64 << 10;   // what a file of any size may take

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t count) {
    return count == 0 ? 0 : static_cast<std::size_t>(random_() % count);
  }

  std::string mutate(std::string bytes) {
    const std::size_t edits = 1 + below(3);
    for (std::size_t i = 0; i < edits; ++i) {
      edit(bytes);
    }
    return bytes;
  }

 private:
  void edit(std::string& bytes) {
    const std::size_t at = below(bytes.size());
    switch (below(6)) {
      case 0:  // flip a bit
        if (!bytes.empty()) {
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        }
        break;
      case 1:  // cut
        bytes.resize(at);
        break;
      case 2:  // insert
        bytes.insert(at, std::string(1 + below(16), static_cast<char>(below(256))));
        break;
      case 3:  // take out
        bytes.erase(at, 1 + below(16));
        break;
      case 4:  // tamper with a field of 4 or 8 bytes
        set_field(bytes, at);
        break;
      default:  // change a digit or a letter, which keeps a JSON header well-formed
        set_digit(bytes, at);
        break;
    }
  }

  void set_field(std::string& bytes, std::size_t at) {
    constexpr std::uint64_t kValues[] = {0,
                                         1,
                                         2,
                                         0x7fffffff,
                                         0xffffffff,
                                         1ull << 31,
                                         1ull << 62,
                                         1ull << 63,
                                         ~0ull,
                                         ~0ull - 31,
                                         65536,
                                         1ull << 40};
    const std::uint64_t value = kValues[below(std::size(kValues))];
    const std::size_t size = std::min<std::size_t>(below(2) == 0 ? 4 : 8, bytes.size() - at);
    bytes.replace(at, size, raw(value).substr(0, size));
  }

  void set_digit(std::string& bytes, std::size_t at) {
    const std::size_t digit = bytes.find_first_of("0123456789", at);
    if (digit != std::string::npos) {
      const std::string longer = std::to_string(random_() >> below(64));
      bytes.replace(digit, 1, below(2) == 0 ? longer : longer.substr(0, 1));
    }
  }

  std::mt19937_64 random_;
};

void read_all(const WeightSource& source) {
  for (const StoredTensor& tensor : source.tensors()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      std::vector<std::uint8_t> out(static_cast<std::size_t>(tensor.rows() * tensor.row_length()) *
                                    size_of(dtype));
      try {
        source.read_rows(tensor, 0, tensor.rows(), dtype, out.data());
      } catch (const DataError&) {  // an encoding that is only listed
      }
    }
  }
  (void)source.hash();
}

// Opens and reads every mutant of `seed_file`. Returns how many were refused.
int survive(
    const std::string& seed_file,
    const std::string& name,
    const std::function<std::unique_ptr<WeightSource>(const std::filesystem::path&)>& open) {
  const TemporaryDirectory folder;
  Mutator mutator(20260701);
  int refused = 0;
  for (int i = 0; i < kMutants; ++i) {
    const std::string bytes = mutator.mutate(seed_file);
    const auto path = folder.write(name, bytes);
    INFO("mutant " << i);
    largest_allocation = 0;
    const auto start = std::chrono::steady_clock::now();
    try {
      read_all(*open(path));
    } catch (const DataError& error) {
      ++refused;
      REQUIRE(std::string_view(error.what()).find(name) != std::string_view::npos);
      REQUIRE(std::string_view(error.what()).find('\n') == std::string_view::npos);
    }
    REQUIRE(largest_allocation <= kSmall + kBytesPerByte * bytes.size());
    REQUIRE(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  }
  return refused;
}

std::string tiny_safetensors() {
  return safetensors(R"({"__metadata__":{"format":"pt"},)"
                     R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                     R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},)"
                     R"("c":{"dtype":"F16","shape":[],"data_offsets":[32,34]},)"
                     R"("d":{"dtype":"I64","shape":[1],"data_offsets":[34,42]}})",
                     std::string(42, '\x3c'));
}

std::string tiny_gguf() {
  GgufParts parts;
  parts.entry("general.architecture", 8, gguf_string("llama"));
  parts.entry("general.alignment", 4, raw<std::uint32_t>(32));
  parts.entry("n", 4, raw<std::uint32_t>(7)).entry("on", 7, "\1").entry("x", 12, raw(0.5));
  parts.entry("tokens", 9, raw(8u) + raw<std::uint64_t>(2) + gguf_string("a") + gguf_string("bc"));
  parts.entry("types", 9, raw(5u) + raw<std::uint64_t>(2) + raw(1) + raw(3));
  parts.tensor("f", {4, 2}, 0, 0).tensor("q4", {32, 2}, 3, 32).tensor("k", {256}, 12, 96);
  parts.tensor("listed", {8}, 24, 256);
  parts.data = std::string(264, '\x3a');
  return parts.bytes();
}

}  // namespace

TEST_CASE("mutated safetensors files never crash the reader") {
  const auto open = [](const auto& path) { return open_safetensors(path); };
  const int refused = survive(tiny_safetensors(), "m.safetensors", open);
  CHECK(refused > kMutants / 2);
  CHECK(refused < kMutants);
}

TEST_CASE("mutated GGUF files never crash the reader") {
  const auto open = [](const auto& path) { return std::make_unique<GgufFile>(path); };
  const int refused = survive(tiny_gguf(), "m.gguf", open);
  CHECK(refused > kMutants / 2);
  CHECK(refused < kMutants);
}

TEST_CASE("mutated shard indices never crash the reader") {
  const TemporaryDirectory folder;
  folder.write("s.safetensors", tiny_safetensors());
  const auto open = [&](const std::filesystem::path& path) {
    std::filesystem::copy_file(path,
                               folder.path() / "model.safetensors.index.json",
                               std::filesystem::copy_options::overwrite_existing);
    return open_safetensors(folder.path());
  };
  const std::string index =
      R"({"metadata":{"total_size":42},"weight_map":{"a":"s.safetensors","b":"s.safetensors"}})";
  const int refused = survive(index, "model.safetensors.index.json", open);
  CHECK(refused > kMutants / 2);
  CHECK(refused < kMutants);
}
