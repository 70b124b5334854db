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

}  // namespace headscope
