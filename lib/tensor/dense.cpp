#include "lib/tensor/dense.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

#include <ATen/ops/linalg_eigvals.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/norm.h>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

using Values = Eigen::Matrix<std::complex<double>, Eigen::Dynamic, 1>;

// Beyond it LAPACK's blocked algorithm wins, seven times at 256 × 256; up to here Eigen's does, one
// head a thread.
constexpr std::int64_t kLargestForEigen = 128;

// A contiguous CPU f64 tensor [rows, columns] read by columns, as Eigen does: its transpose.
Eigen::Map<const Eigen::MatrixXd> transposed(const Tensor& x) {
  return {x.const_data_ptr<double>(), x.size(1), x.size(0)};
}

[[noreturn]] void throw_not_finite() {
  throw DataError("a matrix of the model's weights holds NaN or infinities: it has no eigenvalues");
}

}  // namespace

Tensor eigenvalues(const Tensor& square) {
  const Tensor x = square.to(at::kCPU, at::kDouble).contiguous();
  if (!x.isfinite().all().item<bool>()) {
    throw_not_finite();
  }
  const std::int64_t size = x.size(1);
  if (size > kLargestForEigen) {
    return at::linalg_eigvals(x);
  }
  Tensor found = at::empty({x.size(0), size}, at::kComplexDouble);
  auto* out = reinterpret_cast<std::complex<double>*>(found.mutable_data_ptr());
  std::atomic<bool> all_found = true;
  at::parallel_for(0, x.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      // A matrix and its transpose have the same eigenvalues.
      const Eigen::EigenSolver<Eigen::MatrixXd> solver(transposed(x[i]), false);
      if (solver.info() != Eigen::Success) {
        all_found = false;
        return;
      }
      Eigen::Map<Values>(out + i * size, size) = solver.eigenvalues();
    }
  });
  if (!all_found) {
    throw InternalError("the eigenvalues of a {} × {} matrix were not found", size, size);
  }
  return found;
}

Tensor solve_symmetric(const Tensor& a, const Tensor& b) {
  // Eigen's columns are our rows: the right side and the solution are passed transposed.
  const Tensor left = a.contiguous();
  const Tensor right = b.t().contiguous();
  Tensor solution = at::empty(right.sizes(), at::kDouble);
  Eigen::Map<Eigen::MatrixXd>(solution.mutable_data_ptr<double>(), right.size(1), right.size(0)) =
      transposed(left).ldlt().solve(transposed(right));
  return solution.t();
}

PrincipalAxes principal_axes(const Tensor& x, std::int64_t count) {
  const Tensor rows = x.contiguous();
  // Of the smaller of x xᵀ and xᵀ x: they have the same eigenvalues, squares of the singular
  // values.
  const bool wide = rows.size(1) > rows.size(0);
  const Tensor gram = (wide ? rows.matmul(rows.t()) : rows.t().matmul(rows)).contiguous();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(transposed(gram));
  if (solver.info() != Eigen::Success) {
    throw DataError("the values hold NaN or infinities: they have no principal axes");
  }
  const Eigen::VectorXd& squares = solver.eigenvalues();  // ascending
  const Eigen::Index size = squares.size();
  const double smallest = 1e-12 * std::max(squares(size - 1), 0.0);
  std::vector<Tensor> axes;
  std::vector<double> strengths;
  for (Eigen::Index i = size - 1; i >= 0 && std::ssize(axes) < count; --i) {
    if (!(squares(i) > smallest)) {
      break;
    }
    Tensor vector = at::empty({size}, at::kDouble);
    Eigen::Map<Eigen::VectorXd>(vector.mutable_data_ptr<double>(), size) =
        solver.eigenvectors().col(i);
    const Tensor axis = wide ? rows.t().mv(vector) : vector;
    axes.push_back(axis / axis.norm());
    strengths.push_back(std::sqrt(squares(i)));
  }
  return {axes.empty() ? at::empty({0, rows.size(1)}, at::kDouble) : at::stack(axes),
          at::tensor(strengths, at::kDouble)};
}

}  // namespace headscope
