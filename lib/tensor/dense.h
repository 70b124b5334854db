// Dense algebra of small matrices on the CPU, in double precision: what is asked of one head's
// matrices or of a probe's few hundred rows. Eigen does it.
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope {

// The eigenvalues of each of `square` [n, d, d] (any float dtype, any device), worked out in f64:
// [n, d] complex128 on the CPU, in no particular order. Throws DataError if the matrices hold NaN
// or infinities, which only a model's weights can have brought.
Tensor eigenvalues(const Tensor& square);

// x of A x = b for a symmetric A [n, n] without negative eigenvalues, such as a Gram matrix and its
// ridge: b and x [n, m], all f64 on the CPU. Directions in which A is zero are left out of x.
Tensor solve_symmetric(const Tensor& a, const Tensor& b);

// The directions in which the rows of `x` [n, d] (f64 on the CPU, centred by who wants them so)
// vary most: right singular vectors. At most `count`, as many as x has ranks.
struct PrincipalAxes {
  Tensor axes;       // [k, d] f64, unit vectors at right angles, the strongest first
  Tensor strengths;  // [k] f64, singular values
};
PrincipalAxes principal_axes(const Tensor& x, std::int64_t count);

}  // namespace headscope
