// Arrays of NumPy, and tensors written as safetensors.
#include "lib/weights/npy.h"

#include <fstream>

#include "lib/base/error.h"
#include "lib/weights/weight_source.h"
#include "lib/weights/write_safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/weights/file_bytes.h"

using namespace headscope;

namespace {

// As numpy.save() writes them: the header padded so that values begin at a multiple of 64.
std::string npy(const std::string& type,
                const std::string& shape,
                const std::string& data,
                const std::string& fortran = "False") {
  std::string dict =
      "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
  dict.resize(118 - 1, ' ');
  return std::string("\x93NUMPY\x01\x00", 8) + raw<std::uint16_t>(118) + dict + "\n" + data;
}

NpyArray read_back(const std::string& bytes) {
  const TempFolder folder;
  std::ofstream(folder.file("a.npy"), std::ios::binary) << bytes;
  return read_npy(folder.file("a.npy"));
}

}  // namespace

TEST_CASE("an array of NumPy has the shape and the values that were saved") {
  const auto floats = read_back(npy(
      "<f4", "(2, 3)", raw(1.5F) + raw(-2.0F) + raw(0.0F) + raw(3.0F) + raw(4.0F) + raw(5.25F)));
  CHECK(floats.shape == std::vector<std::int64_t>{2, 3});
  CHECK(floats.values == std::vector<float>{1.5F, -2.0F, 0.0F, 3.0F, 4.0F, 5.25F});
  const auto doubles = read_back(npy("<f8", "(2,)", raw(0.1) + raw(-3.0)));
  CHECK(doubles.shape == std::vector<std::int64_t>{2});
  CHECK(doubles.values == std::vector<float>{0.1F, -3.0F});
  CHECK(read_back(npy("<f2", "(1,)", raw<std::uint16_t>(0x3e00))).values[0] == 1.5F);
  CHECK(read_back(npy("<f4", "()", raw(7.0F))).shape.empty());
}

TEST_CASE("an array that is cut, turned or of whole numbers is refused") {
  const auto fails = [](const std::string& bytes, const std::string& message) {
    CHECK_THROWS_WITH(read_back(bytes), contains(message));
    CHECK_THROWS_AS(read_back(bytes), DataError);
  };
  const std::string two = raw(1.0F) + raw(2.0F);
  fails("PK", "not a .npy file");
  fails(npy("<f4", "(3,)", two), "8 bytes of values where its shape needs 3 of 4");
  fails(npy("<f4", "(2,)", two + "x"), "9 bytes");
  fails(npy("<i8", "(1,)", two), "'<i8'");
  fails(npy("<f4", "(2, 1)", two, "True"), "Fortran");
  fails(npy("<f4", "(-2,)", two), "no shape");
  fails(npy("<f4", "(4294967296, 4294967296)", two), "beyond 64 bits");
  fails(npy("<f4", "(99999999999999999999,)", two), "beyond 64 bits");
  fails(npy("<f4", "(2,)", two).substr(0, 40), "cut short");
}

TEST_CASE("tensors written as safetensors read back as they were") {
  const TempFolder folder;
  const auto path = folder.file("v.safetensors");
  std::ofstream(path, std::ios::binary)
      << safetensors_bytes({{"a", {2}, {1.0F, 2.0F}}, {"b.c", {1, 1}, {-0.5F}}});
  const auto source = open_safetensors(path);
  REQUIRE(source->tensors().size() == 2);
  CHECK(source->find("b.c")->shape == std::vector<std::int64_t>{1, 1});
  std::vector<float> a(2);
  source->read_rows(*source->find("a"), 0, source->find("a")->rows(), DType::f32, a.data());
  CHECK(a == std::vector<float>{1.0F, 2.0F});
  CHECK_THROWS_AS(safetensors_bytes({{"a", {3}, {1.0F}}}), InternalError);
}
