#include "lib/weights/gguf.h"

#include <cstring>
#include <limits>
#include <thread>

#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/parallel.h"
#include "tests/support/catch.h"
#include "tests/weights/file_bytes.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

namespace {

const std::filesystem::path kFixtures = HEADSCOPE_SOURCE_DIR "/data/fixtures/weights";

// What the `gguf` package makes of every tensor of all_types.gguf, in the file's order.
std::vector<float> expected_values() {
  const std::string bytes = read_file(kFixtures / "all_types.f32");
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

bool same_bits(const void* a, const void* b, std::size_t bytes) {
  return std::memcmp(a, b, bytes) == 0;
}

}  // namespace

TEST_CASE("every encoding de-quantises bit for bit as the gguf package") {
  const GgufFile file(kFixtures / "all_types.gguf");
  const std::vector<float> expected = expected_values();
  REQUIRE(file.tensors().size() == 16);
  REQUIRE(expected.size() == 16 * 3 * 512);
  const float* want = expected.data();
  for (const StoredTensor& tensor : file.tensors()) {
    INFO(tensor.name);
    CHECK(tensor.name == tensor.encoding);
    CHECK(tensor.shape == std::vector<std::int64_t>{3, 512});
    std::vector<float> values(3 * 512);
    file.read_rows(tensor, 0, 3, DType::f32, values.data());
    CHECK(same_bits(values.data(), want, sizeof(float) * values.size()));
    want += values.size();
  }
}

TEST_CASE("16-bit reads are the f32 values, rounded") {
  const GgufFile file(kFixtures / "all_types.gguf");
  const std::vector<float> expected = expected_values();
  const float* want = expected.data();
  for (const StoredTensor& tensor : file.tensors()) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      INFO(tensor.name << " " << to_string(dtype));
      std::vector<std::uint16_t> values(3 * 512);
      file.read_rows(tensor, 0, 3, dtype, values.data());
      for (std::size_t i = 0; i < values.size(); ++i) {
        const auto bits = dtype == DType::f16 ? f32_to_f16(want[i]) : f32_to_bf16(want[i]);
        REQUIRE(values[i] == bits);
      }
    }
    want += 3 * 512;
  }
}

TEST_CASE("some rows are those rows and nothing else is written") {
  const GgufFile file(kFixtures / "all_types.gguf");
  for (const StoredTensor& tensor : file.tensors()) {
    INFO(tensor.name);
    std::vector<float> all(3 * 512);
    std::vector<float> some(3 * 512, -77.0f);
    file.read_rows(tensor, 0, 3, DType::f32, all.data());
    file.read_rows(tensor, 1, 2, DType::f32, some.data() + 512);
    CHECK(same_bits(some.data() + 512, all.data() + 512, 512 * sizeof(float)));
    CHECK(some[511] == -77.0f);
    CHECK(some[1024] == -77.0f);
    file.read_rows(tensor, 3, 3, DType::f32, nullptr);
  }
}

TEST_CASE("rows out of range and foreign tensors are our own mistakes") {
  const GgufFile file(kFixtures / "all_types.gguf");
  std::vector<float> out(4 * 512);
  const StoredTensor& tensor = file.tensors().front();
  CHECK_THROWS_AS(file.read_rows(tensor, 0, 4, DType::f32, out.data()), InternalError);
  CHECK_THROWS_AS(file.read_rows(tensor, -1, 1, DType::f32, out.data()), InternalError);
  CHECK_THROWS_AS(file.read_rows(tensor, 2, 1, DType::f32, out.data()), InternalError);
  const StoredTensor foreign{"elsewhere", {1}, "F32"};
  CHECK_THROWS_AS(file.read_rows(foreign, 0, 1, DType::f32, out.data()), InternalError);
}

TEST_CASE("metadata keeps every value type") {
  const GgufFile file(kFixtures / "all_types.gguf");
  const Json& metadata = file.metadata();
  CHECK(metadata["general.architecture"] == "llama");
  CHECK(metadata["t.u8"] == 200);
  CHECK(metadata["t.i8"] == -100);
  CHECK(metadata["t.u16"] == 60000);
  CHECK(metadata["t.i16"] == -30000);
  CHECK(metadata["t.u32"] == 4000000000u);
  CHECK(metadata["t.i32"] == -2000000000);
  CHECK(metadata["t.f32"].get<float>() == 0.1f);
  CHECK(metadata["t.u64"] == std::numeric_limits<std::uint64_t>::max());
  CHECK(metadata["t.i64"] == std::numeric_limits<std::int64_t>::min());
  CHECK(metadata["t.f64"] == 0.1);
  CHECK(metadata["t.bool"] == true);
  CHECK(metadata["t.string"] == "naïve 字");
  CHECK(metadata["t.strings"] == Json{"a", "", "Ġb"});
  CHECK(metadata["t.ints"] == Json{1, -2, 3});
  CHECK(metadata["t.floats"] == Json{0.5, -1.25});
  CHECK(metadata["t.bools"] == Json{true, false});
}

TEST_CASE("strings keep bytes that are not UTF-8, and arrays nest") {
  const TemporaryDirectory folder;
  const std::string inner = raw<std::uint32_t>(0) + raw<std::uint64_t>(2) + "\x05\x06";
  GgufParts parts;
  parts.entry("bytes", 8, gguf_string("\xff\xfe"));
  parts.entry("nested", 9, raw<std::uint32_t>(9) + raw<std::uint64_t>(1) + inner);
  const GgufFile file(folder.write("x.gguf", parts.bytes()));
  CHECK(file.metadata()["bytes"].get<std::string>() == "\xff\xfe");
  CHECK(file.metadata()["nested"] == Json::array({Json::array({5, 6})}));
}

TEST_CASE("version 2, an alignment of its own, scalars and empty tensors are read") {
  const TemporaryDirectory folder;
  GgufParts parts;
  parts.version = 2;
  parts.alignment = 64;
  parts.entry("general.alignment", 4, raw<std::uint32_t>(64));
  parts.tensor("scalar", {}, 0, 0).tensor("row", {3}, 0, 64).tensor("none", {0, 1u << 31}, 0, 64);
  parts.data = raw(1.5f) + std::string(60, '\0') + raw(2.0f) + raw(3.0f) + raw(4.0f);
  const GgufFile file(folder.write("x.gguf", parts.bytes()));
  float out[3] = {};
  file.read_rows(*file.find("scalar"), 0, 1, DType::f32, out);
  CHECK(out[0] == 1.5f);
  file.read_rows(*file.find("row"), 0, 1, DType::f32, out);
  CHECK(out[2] == 4.0f);
  CHECK(file.find("none")->row_length() == 0);
  CHECK(file.find("absent") == nullptr);
}

TEST_CASE("an encoding we only list opens and says so when read") {
  const TemporaryDirectory folder;
  GgufParts parts;
  parts.tensor("w", {256}, 21, 0);
  parts.data = std::string(110, '\1');
  const GgufFile file(folder.write("x.gguf", parts.bytes()));
  CHECK(file.tensors()[0].encoding == "IQ3_S");
  float out[256];
  CHECK_THROWS_WITH(file.read_rows(file.tensors()[0], 0, 1, DType::f32, out),
                    contains("x.gguf: tensor 'w': headscope cannot read IQ3_S"));
}

TEST_CASE("the hash is that of the file's bytes") {
  const GgufFile file(kFixtures / "all_types.gguf");
  Hasher hasher;
  hasher.update(read_file(kFixtures / "all_types.gguf"));
  CHECK(file.hash() == hasher.digest());
  CHECK(file.hash() == hasher.digest());
  CHECK(file.files() == std::vector{kFixtures / "all_types.gguf"});
}

TEST_CASE("threads may read at once") {
  const GgufFile file(kFixtures / "all_types.gguf");
  const std::vector<float> expected = expected_values();
  std::vector<std::vector<float>> results(8, std::vector<float>(expected.size()));
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) {
      threads.emplace_back([&] {
        float* out = result.data();
        for (const StoredTensor& tensor : file.tensors()) {
          file.read_rows(tensor, 0, 3, DType::f32, out);
          out += 3 * 512;
        }
      });
    }
  }
  for (const auto& result : results) {
    CHECK(same_bits(result.data(), expected.data(), sizeof(float) * expected.size()));
  }
}
