// Small dense algebra against LAPACK, which did it before.
#include "lib/tensor/dense.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigvals.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/randn.h>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/one_thread.h"

using namespace headscope;

namespace {

std::vector<std::complex<double>> list_of(const Tensor& values) {
  const auto* first =
      static_cast<const std::complex<double>*>(values.contiguous().const_data_ptr());
  return {first, first + values.numel()};
}

// The largest distance when each of `got` is paired with the nearest of `want` not yet taken.
double apart(const Tensor& got, const Tensor& want) {
  std::vector<std::complex<double>> left = list_of(want);
  double largest = 0;
  for (const auto& value : list_of(got)) {
    const auto nearest = std::ranges::min_element(
        left, {}, [&](const std::complex<double>& other) { return std::abs(value - other); });
    largest = std::max(largest, std::abs(value - *nearest));
    left.erase(nearest);
  }
  return largest;
}

}  // namespace

TEST_CASE("eigenvalues are LAPACK's, to a millionth and less, of any size") {
  const test::OneThread one_thread;  // LAPACK's threads wait for each other on small matrices
  for (const std::int64_t size : {1, 2, 16, 64, 128, 130}) {
    const Tensor square = at::randn({3, size, size}, at::kDouble);
    square[1].copy_(at::matmul(square[1].narrow(1, 0, size / 2), square[2].narrow(0, 0, size / 2)));
    const Tensor got = eigenvalues(square);  // the second has rank size / 2
    REQUIRE(got.sizes().vec() == std::vector<std::int64_t>{3, size});
    for (std::int64_t i = 0; i < 3; ++i) {
      CAPTURE(size, i);
      CHECK(apart(got[i], at::linalg_eigvals(square[i])) < 1e-6 * std::sqrt(size));
    }
  }
}

TEST_CASE("eigenvalues known by hand, of 16-bit weights and of a transposed view") {
  const Tensor turn = at::zeros({1, 2, 2}, at::kBFloat16);  // a quarter turn: i and −i
  turn[0][0][1] = -1.0;
  turn[0][1][0] = 1.0;
  const auto found = list_of(eigenvalues(turn.transpose(1, 2)));
  CHECK(found[0].real() == Approx(0.0).margin(1e-12));
  CHECK(std::abs(found[0].imag()) == Approx(1.0));
  CHECK((found[0] + found[1]).imag() == Approx(0.0).margin(1e-12));
  CHECK(eigenvalues(at::zeros({2, 5, 5})).abs().max().item<double>() == 0.0);
}

TEST_CASE("a matrix that is not finite is refused") {
  Tensor square = at::ones({2, 3, 3});
  square[1][2][0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(eigenvalues(square), DataError);
}

TEST_CASE("a ridge is solved as LAPACK solves it, and nothing is made of directions that are not") {
  const Tensor x = at::randn({60, 20}, at::kDouble);
  const Tensor gram = at::matmul(x, x.t()) + at::eye(60, at::kDouble) * 0.2;  // else of rank 20
  const Tensor targets = at::randn({10, 60}, at::kDouble).t();
  const Tensor want = at::linalg_solve(gram, targets);
  const Tensor got = solve_symmetric(gram, targets);
  CHECK((got - want).abs().max().item<double>() < 1e-6);
  CHECK(solve_symmetric(at::zeros({4, 4}, at::kDouble), at::ones({4, 2}, at::kDouble))
            .abs()
            .max()
            .item<double>() == 0.0);
}

TEST_CASE("principal axes are where rows vary most, wide and tall alike") {
  // Rows along (3, 4)/5 by 2 and −2 and along (4, −3)/5 by 1: at right angles, so by hand.
  const Tensor x = at::tensor({1.2, 1.6, -1.2, -1.6, 0.8, -0.6}, at::kDouble).reshape({3, 2});
  const PrincipalAxes found = principal_axes(x, 5);
  REQUIRE(found.axes.size(0) == 2);
  CHECK(found.strengths[0].item<double>() == Approx(std::sqrt(8.0)));
  CHECK(found.strengths[1].item<double>() == Approx(1.0));
  const auto along = [&](std::int64_t axis, double a, double b) {
    return std::abs(found.axes[axis].dot(at::tensor({a, b}, at::kDouble)).item<double>());
  };
  CHECK(along(0, 0.6, 0.8) == Approx(1.0));
  CHECK(along(1, 0.8, -0.6) == Approx(1.0));
  // The same rows in more dimensions than there are rows.
  const Tensor wide = at::cat({x, at::zeros({3, 6}, at::kDouble)}, 1);
  const PrincipalAxes same = principal_axes(wide, 1);
  REQUIRE(same.axes.size(0) == 1);
  CHECK(same.strengths[0].item<double>() == Approx(std::sqrt(8.0)));
  CHECK(std::abs(same.axes[0][1].item<double>()) == Approx(0.8));
  CHECK(principal_axes(at::zeros({2, 3}, at::kDouble), 1).axes.size(0) == 0);
}
