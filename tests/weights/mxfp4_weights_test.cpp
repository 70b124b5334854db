// Weights packed in MXFP4 as gpt-oss is published. Values against transformers: the model
// gpt_oss_mxfp4 in tests/families/parity_test.cpp, whose weights it unpacks.
#include "lib/weights/mxfp4_weights.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/weights/file_bytes.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

namespace {

// Two rows of one group each: every byte holds nibbles 1 and 15; exponents 127 and 0.
std::string packed_pair(const char* scales_name, const char* scales_shape) {
  const std::string header = std::string(R"({"w_blocks": {"dtype": "U8", "shape": [2, 1, 16],)") +
                             R"("data_offsets": [0, 32]}, ")" + scales_name +
                             R"(": {"dtype": "U8", "shape": )" + scales_shape +
                             R"(, "data_offsets": [32, 34]}})";
  return safetensors(header, std::string(32, '\xf1') + "\x7f" + std::string(1, '\0'));
}

}  // namespace

TEST_CASE("blocks and scales are one tensor of values") {
  const TemporaryDirectory folder;
  const auto path = folder.write("x.safetensors", packed_pair("w_scales", "[2, 1]"));
  const auto weights = open_safetensors(path);
  REQUIRE(weights->tensors().size() == 1);
  const StoredTensor& tensor = weights->tensors().front();
  CHECK(tensor.name == "w_blocks");
  CHECK(tensor.encoding == "MXFP4");
  CHECK(tensor.shape == std::vector<std::int64_t>{2, 32});
  std::vector<float> values(64);
  weights->read_rows(tensor, 0, 2, DType::f32, values.data());
  for (std::size_t i = 0; i < 64; ++i) {
    const float exponent = i < 32 ? 1.0F : std::ldexp(1.0F, -127);
    CHECK(values[i] == (i % 2 == 0 ? 0.5F : -6.0F) * exponent);
  }
  std::vector<float> second(32);
  weights->read_rows(tensor, 1, 2, DType::f32, second.data());
  CHECK(std::equal(second.begin(), second.end(), values.begin() + 32));
}

TEST_CASE("blocks without their scales, and scales of another shape, are refused") {
  const TemporaryDirectory folder;
  const auto fails = [&](const std::string& bytes, const char* problem) {
    const auto path = folder.write("x.safetensors", bytes);
    CHECK_THROWS_WITH(open_safetensors(path), contains(problem));
  };
  fails(packed_pair("v_scales", "[2, 1]"), "is missing");
  fails(packed_pair("w_scales", "[1, 2]"), "2×1×16 bytes of blocks do not go with scales of 1×2");
}
