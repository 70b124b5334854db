// Packed matrices against the same ones unpacked, product by product.
#include "lib/tensor/packed.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <ATen/ops/randn.h>

#include "lib/kernels/packed_dot.h"
#include "lib/kernels/packed_linear.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"
#include "lib/weights/dequantize.h"
#include "lib/weights/encoding.h"
#include "lib/weights/gguf.h"
#include "tests/support/catch.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kRows = 2;  // the third of the file has infinite scales
constexpr std::int64_t kColumns = 512;

// A matrix of every encoding, scales of every size in it, and what the gguf package's values are
// (tests/weights/gguf_test.cpp).
struct Packed {
  std::string encoding;
  Tensor bytes;   // [kRows, bytes of a row]
  Tensor packed;  // [kRows, kColumns]
  Tensor values;  // the same in f32
};

std::vector<Packed> matrices() {
  const GgufFile file(HEADSCOPE_SOURCE_DIR "/data/fixtures/weights/all_types.gguf");
  std::vector<Packed> out;
  for (const StoredTensor& tensor : file.tensors()) {
    const auto blocks = file.blocks(tensor);
    REQUIRE(blocks.has_value());
    const auto row_bytes = static_cast<std::int64_t>(blocks->bytes.size()) / 3;
    Tensor bytes = at::empty({kRows, row_bytes}, at::kByte);
    std::copy_n(blocks->bytes.data(), bytes.numel(), bytes.data_ptr<std::uint8_t>());
    Tensor values = at::empty({kRows, kColumns}, at::kFloat);
    file.read_rows(tensor, 0, kRows, DType::f32, values.data_ptr());
    if (tensor.encoding == "MXFP4") {  // whose powers of two would make sums infinite
      bytes.view({-1, 17}).select(1, 0).copy_(at::arange(110, 110 + bytes.numel() / 17));
      dequantize_mxfp4(
          bytes.const_data_ptr<std::uint8_t>(), bytes.numel() / 17, values.data_ptr<float>());
    }
    out.push_back({tensor.encoding,
                   bytes,
                   packed_tensor({{blocks->encoding, bytes}}, {kRows, kColumns}),
                   values});
  }
  return out;
}

// |got − want| as a share of Σ |w x|, which is what rounding goes by; the largest of any element.
double off_by(const Tensor& got, const Tensor& x, const Tensor& weight) {
  const Tensor w = weight.to(at::kDouble);
  const Tensor wide = x.to(at::kDouble);
  const Tensor scale = at::matmul(wide.abs(), w.abs().t()) + 1e-30;
  return ((got.to(at::kDouble) - at::matmul(wide, w.t())).abs() / scale).max().item<double>();
}

Tensor by_kernel(kernels::PackedDotKernel kernel, const Packed& matrix, const Tensor& x) {
  Tensor out = at::full({x.size(0), kRows + 1}, -77.0, at::kFloat);
  kernel({.rows = matrix.bytes.const_data_ptr<std::uint8_t>(),
          .row_bytes = matrix.bytes.size(1),
          .n_rows = kRows,
          .row_length = kColumns,
          .x = x.const_data_ptr<float>(),
          .vectors = x.size(0),
          .out = out.data_ptr<float>(),
          .out_stride = kRows + 1});
  CHECK(out.select(1, kRows).eq(-77.0).all().item<bool>());
  return out.narrow(1, 0, kRows);
}

const Packed& named(const std::vector<Packed>& all, const std::string& encoding) {
  return *std::find_if(
      all.begin(), all.end(), [&](const Packed& one) { return one.encoding == encoding; });
}

}  // namespace

TEST_CASE("products in registers are those of the decoded values, at every width of lanes") {
  std::map<std::string, int> widths;
  for (const Packed& matrix : matrices()) {
    for (const auto lanes : {kernels::Lanes::plain, kernels::Lanes::avx2, kernels::Lanes::avx512}) {
      const auto kernel = kernels::packed_dot(lanes, matrix.encoding, kColumns);
      widths[matrix.encoding] += kernel == nullptr ? 0 : 1;
      if (kernel == nullptr || lanes > kernels::widest_lanes()) {
        continue;
      }
      for (const std::int64_t vectors : {1, 2, 4, 7}) {
        INFO(matrix.encoding << ", lanes " << static_cast<int>(lanes) << ", " << vectors);
        const Tensor x = at::randn({vectors, kColumns}, at::kFloat);
        CHECK(off_by(by_kernel(kernel, matrix, x), x, matrix.values) < 1e-6);
      }
    }
  }
  for (const char* all : {"Q4_0",
                          "Q4_1",
                          "Q5_0",
                          "Q5_1",
                          "Q8_0",
                          "Q4_K",
                          "Q5_K",
                          "Q6_K",
                          "IQ4_NL",
                          "MXFP4",
                          "BF16"}) {
    INFO(all);
    CHECK(widths.at(all) == 3);
  }
  CHECK(kernels::packed_dot(kernels::Lanes::plain, "Q4_K", 512 + 32) == nullptr);
  CHECK(kernels::packed_dot(kernels::Lanes::plain, "F32", 512) == nullptr);
}

TEST_CASE("linear with a packed matrix is linear with its values, whatever the rows of x") {
  for (const Packed& matrix : matrices()) {
    const Tensor bias = at::randn({kRows}, at::kFloat);
    for (const std::int64_t rows : {0, 1, 8, 9, 40}) {
      INFO(matrix.encoding << ", " << rows);
      const Tensor x = at::randn({rows, 1, kColumns}, at::kFloat);
      const Tensor got = packed_linear(x, matrix.packed, Tensor());
      REQUIRE(got.sizes() == at::IntArrayRef({rows, 1, kRows}));
      if (rows > 0) {
        CHECK(off_by(got.flatten(0, 1), x.flatten(0, 1), matrix.values) < 1e-6);
        CHECK(identical(packed_linear(x, matrix.packed, bias), got + bias));
      }
    }
  }
}

TEST_CASE("a packed matrix is to any operator the tensor of its values") {
  for (const Packed& matrix : matrices()) {
    INFO(matrix.encoding);
    const Tensor& p = matrix.packed;
    const Tensor& v = matrix.values;
    REQUIRE(packed_parts(p) != nullptr);
    CHECK(packed_parts(v) == nullptr);
    CHECK(stored_bytes(p) == matrix.bytes.numel());
    CHECK(identical(unpacked(p), v));
    CHECK(identical(p.contiguous(), v));
    CHECK(identical(p.to(at::kDouble), v.to(at::kDouble)));
    CHECK(identical(p + 1, v + 1));
    CHECK(identical(p.t(), v.t()));
    CHECK(identical(p.view({kRows, 8, 64}).permute({1, 2, 0}),
                    v.view({kRows, 8, 64}).permute({1, 2, 0})));
    CHECK(identical(at::cat({p, v}), at::cat({v, v})));
    const Tensor ids = at::tensor({1, 0, 1}, at::kLong);
    CHECK(identical(p.index_select(0, ids), v.index_select(0, ids)));
    CHECK(identical(at::embedding(p, ids.view({1, 3})), at::embedding(v, ids.view({1, 3}))));
    CHECK(identical(p.select(0, 1), v.select(0, 1)));
    CHECK(identical(p.narrow(1, 32, 64), v.narrow(1, 32, 64)));
    CHECK(identical(p[1][5], v[1][5]));
  }
}

TEST_CASE("rows and matrices of a stack stay packed") {
  const std::vector<Packed> all = matrices();
  const Packed& a = named(all, "Q4_1");
  const Packed& b = named(all, "Q6_K");
  const PackedParts parts{packed_parts(a.packed)->front(), packed_parts(b.packed)->front()};
  const Tensor values = at::cat({a.values, b.values});
  const Tensor both = packed_tensor(parts, {2 * kRows, kColumns});
  CHECK(identical(unpacked(both), values));
  for (std::int64_t first = 0; first < 2 * kRows; ++first) {
    for (std::int64_t count = 1; first + count <= 2 * kRows; ++count) {
      const Tensor some = both.narrow(0, first, count);
      REQUIRE(packed_parts(some) != nullptr);
      CHECK(identical(unpacked(some), values.narrow(0, first, count)));
    }
  }
  CHECK(both.narrow(0, 1, 0).size(0) == 0);
  const Tensor stack = packed_tensor(parts, {2, kRows, kColumns});
  REQUIRE(packed_parts(stack[1]) != nullptr);
  CHECK(identical(unpacked(stack[1]), b.values));
  CHECK(identical(stack.select(1, 0), values.view({2, kRows, kColumns}).select(1, 0)));
  CHECK_THROWS(packed_tensor(parts, {kRows, kColumns}));
  CHECK_THROWS(packed_tensor(parts, {2 * kRows, kColumns / 2}));
}

TEST_CASE("packed weights cannot be written to") {
  const std::vector<Packed> all = matrices();
  Tensor packed = named(all, "Q8_0").packed;
  CHECK_THROWS(packed.mul_(2.0));
  CHECK_THROWS(packed.copy_(named(all, "Q8_0").values));
  CHECK_THROWS(packed.data_ptr());
}

TEST_CASE("gradients pass through packed products") {
  const std::vector<Packed> all = matrices();
  for (const char* encoding : {"Q8_0", "BF16"}) {
    const Packed& matrix = named(all, encoding);
    const Tensor at_x = at::randn({3, kColumns}, at::kFloat);
    const auto gradient = [&](const Tensor& weight, bool by_torch) {
      return with_gradients([&] {
        const Tensor x = gradient_root(at_x);
        const Tensor out =
            by_torch ? at::matmul(x, weight.t()) : packed_linear(x, weight, Tensor());
        return vector_jacobian_product(out, {x}, at::ones({3, kRows}, at::kFloat)).front();
      });
    };
    const Tensor want = gradient(matrix.values, true);
    CHECK(difference(gradient(matrix.packed, false), want) < 1e-6);
    CHECK(difference(gradient(matrix.packed, true), want) < 1e-6);
  }
}
