// The HDF5 types of what a trace holds.
#pragma once

#include "hooks/stored/h5/handle.h"
#include "lib/base/dtype.h"

namespace headscope::h5 {

// Little-endian floats: IEEE single (f32), IEEE half (f16, NumPy's float16), and bf16 as a custom
// HDF5 float: 2 bytes, sign bit 15, exponent bits 7–14 with bias 127, mantissa bits 0–6. Libraries
// that know no bf16 (h5py) read it as float32.
Datatype float_type(DType dtype);

// The inverse. Throws Failure for a type that is none of the three.
DType dtype_of(const Dataset& dataset);

// True if the dataset stores just this type.
bool has_type(const Dataset& dataset, hid_t type);

Datatype text_type();  // UTF-8 of variable length
Datatype bool_type();  // the enumeration h5py reads as bool

}  // namespace headscope::h5
