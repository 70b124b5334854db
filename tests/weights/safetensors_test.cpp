#include <cstring>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/hash.h"
#include "lib/base/warning.h"
#include "lib/weights/weight_source.h"
#include "tests/support/catch.h"
#include "tests/weights/file_bytes.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

namespace {

std::string entry(const std::string& name,
                  const std::string& dtype,
                  const std::string& shape,
                  const std::string& offsets) {
  return fmt::format(
      R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape, offsets);
}

std::vector<float> read(const WeightSource& source, const std::string& name, std::int64_t rows) {
  const StoredTensor* tensor = source.find(name);
  REQUIRE(tensor != nullptr);
  std::vector<float> values(static_cast<std::size_t>(rows * tensor->row_length()));
  source.read_rows(*tensor, 0, rows, DType::f32, values.data());
  return values;
}

// A shard with one F32 scalar a name.
std::string shard(const std::vector<std::string>& names) {
  std::string header;
  std::string data;
  for (const std::string& name : names) {
    const std::size_t at = data.size();
    header +=
        (header.empty() ? "{" : ",") + entry(name, "F32", "[]", fmt::format("[{},{}]", at, at + 4));
    data += raw(static_cast<float>(name.size()));
  }
  return safetensors(header + "}", data);
}

constexpr const char* kIndex = "model.safetensors.index.json";

}  // namespace

TEST_CASE("F32, F16 and BF16 tensors are read in file order, at any alignment") {
  const TemporaryDirectory folder;
  // A header of odd length puts every tensor at an odd address.
  const std::string header =
      R"({"__metadata__":{"format":"pt"},)" + entry("z", "F32", "[2,2]", "[0,16]") + ',' +
      entry("b", "BF16", "[1,3]", "[20,26]") + ',' + entry("a", "F16", "[2]", "[16,20]") + "}";
  std::string data = raw(1.0f) + raw(-2.0f) + raw(0.1f) + raw(4.0f);
  data += raw(f32_to_f16(0.5f)) + raw(f32_to_f16(-1.5f));
  data += raw(f32_to_bf16(3.0f)) + raw(f32_to_bf16(5.0f)) + raw(f32_to_bf16(-7.0f));
  const std::string pad((header.size() % 2 == 0) ? 1 : 0, ' ');
  folder.write("model.safetensors", safetensors(header + pad, data));
  const auto source = open_safetensors(folder.path());
  REQUIRE(source->tensors().size() == 3);
  CHECK(source->tensors()[0].name == "z");
  CHECK(source->tensors()[1].name == "a");
  CHECK(source->tensors()[2].name == "b");
  CHECK(source->tensors()[2].encoding == "BF16");
  CHECK(source->find("z")->shape == std::vector<std::int64_t>{2, 2});
  CHECK(read(*source, "z", 2) == std::vector<float>{1.0f, -2.0f, 0.1f, 4.0f});
  CHECK(read(*source, "a", 1) == std::vector<float>{0.5f, -1.5f});
  CHECK(read(*source, "b", 1) == std::vector<float>{3.0f, 5.0f, -7.0f});
  std::uint16_t row[2] = {};
  source->read_rows(*source->find("z"), 1, 2, DType::bf16, row);
  CHECK(row[0] == f32_to_bf16(0.1f));
}

TEST_CASE("a single file opens by its own path, and hashes as its bytes") {
  const TemporaryDirectory folder;
  const auto path = folder.write("sae_weights.safetensors", shard({"w"}));
  const auto source = open_safetensors(path);
  CHECK(read(*source, "w", 1) == std::vector<float>{1.0f});
  CHECK(source->hash() == Hasher().update(shard({"w"})).digest());
  CHECK(source->files() == std::vector{path});
}

TEST_CASE("scalars and empty tensors are read") {
  const TemporaryDirectory folder;
  const std::string header = std::string("{") + entry("none", "F32", "[0,7]", "[0,0]") + ',' +
                             entry("one", "F32", "[]", "[0,4]") + ',' +
                             entry("nil", "F16", "[3,0]", "[4,4]") + "}";
  folder.write("model.safetensors", safetensors(header, raw(9.0f)));
  const auto source = open_safetensors(folder.path());
  CHECK(source->find("none")->rows() == 0);
  CHECK(read(*source, "nil", 3).empty());
  CHECK(read(*source, "one", 1) == std::vector<float>{9.0f});
}

TEST_CASE("other dtypes are listed and refuse to be read") {
  const TemporaryDirectory folder;
  const std::string header = std::string("{") + entry("ids", "I64", "[2]", "[0,16]") + ',' +
                             entry("f8", "F8_E4M3", "[4]", "[16,20]") + "}";
  folder.write("model.safetensors", safetensors(header, std::string(20, '\1')));
  const auto source = open_safetensors(folder.path());
  CHECK(source->tensors()[1].encoding == "F8_E4M3");
  float out[4];
  CHECK_THROWS_AS(source->read_rows(*source->find("ids"), 0, 1, DType::f32, out), DataError);
  CHECK_THROWS_WITH(source->read_rows(*source->find("ids"), 0, 1, DType::f32, out),
                    contains("tensor 'ids'") && contains("I64"));
}

TEST_CASE("shards are read through their index") {
  const TemporaryDirectory folder;
  folder.write("a-1.safetensors", shard({"x", "yy"}));
  folder.write("a-2.safetensors", shard({"zzz", "unlisted"}));
  folder.write(kIndex, R"({"metadata":{"total_size":12},"weight_map":
      {"zzz":"a-2.safetensors","yy":"a-1.safetensors","x":"a-1.safetensors"}})");
  const auto source = open_safetensors(folder.path());
  CHECK(source->tensors().size() == 4);
  CHECK(read(*source, "zzz", 1) == std::vector<float>{3.0f});
  CHECK(read(*source, "yy", 1) == std::vector<float>{2.0f});
  CHECK(source->files().size() == 2);
  const std::string hash =
      Hasher().update(shard({"x", "yy"})).update(shard({"zzz", "unlisted"})).digest();
  CHECK(source->hash() == hash);
}

TEST_CASE("of two shards that hold one tensor the index names the one that counts") {
  const TemporaryDirectory folder;
  folder.write("a-1.safetensors", shard({"x", "yy"}));  // yy is 2 here
  folder.write("a-2.safetensors",
               safetensors("{" + entry("yy", "F32", "[]", "[0,4]") + ',' +
                               entry("zzz", "F32", "[]", "[4,8]") + "}",
                           raw(7.0f) + raw(3.0f)));
  for (const auto& [place, value] :
       {std::pair("a-1.safetensors", 2.0f), std::pair("a-2.safetensors", 7.0f)}) {
    folder.write(kIndex,
                 std::string(R"({"weight_map":{"zzz":"a-2.safetensors","x":"a-1.safetensors",)") +
                     R"("yy":")" + place + R"("}})");
    std::vector<std::string> said;
    set_warning_sink([&](const std::string& text) { said.push_back(text); });
    const auto source = open_safetensors(folder.path());
    set_warning_sink({});
    CHECK(source->tensors().size() == 3);
    CHECK(read(*source, "yy", 1) == std::vector<float>{value});
    REQUIRE(said.size() == 1);  // the copies differ: 2 and 7
    CHECK_THAT(said[0], contains("another 'yy' than the shard"));
  }
}

TEST_CASE("broken sets of shards are named") {
  const TemporaryDirectory folder;
  const auto fails = [&](const std::string& message) {
    CHECK_THROWS_AS(open_safetensors(folder.path()), DataError);
    CHECK_THROWS_WITH(open_safetensors(folder.path()), contains(message));
  };
  fails("no weights: neither model.safetensors nor model.safetensors.index");
  folder.write("pytorch_model.bin", "");
  fails("convert it");
  folder.write("model-00001-of-00002.safetensors", shard({"x"}));
  fails("nor the index model.safetensors.index.json");
  folder.write(kIndex, "{}");
  fails("no weight_map");
  folder.write(kIndex, R"({"weight_map":{"x":"../../etc/passwd"}})");
  fails("tensor 'x': its shard is no plain file name");
  folder.write(kIndex, R"({"weight_map":{"x":7}})");
  fails("tensor 'x': its shard is no plain file name");
  folder.write(kIndex, R"({"weight_map":{"x":"model-00001-of-00002.safetensors","y":"gone"}})");
  fails("shard 'gone' is missing");
  folder.write(kIndex, R"({"weight_map":{"y":"model-00001-of-00002.safetensors"}})");
  fails("tensor 'y' is not in its shard 'model-00001-of-00002.safetensors'");
  folder.write("model-00001-of-00002.safetensors", shard({"x", "un"}));
  folder.write("two.safetensors", shard({"y", "un"}));
  folder.write(kIndex,
               R"({"weight_map":{"x":"model-00001-of-00002.safetensors","y":"two.safetensors"}})");
  fails("tensor 'un' is stored twice (also in model-00001-of-00002.safetensors)");
  folder.write(kIndex, R"({"weight_map":{"x":"two.safetensors","x":"two.safetensors"}})");
  fails("the key \"x\" stands twice");
}
