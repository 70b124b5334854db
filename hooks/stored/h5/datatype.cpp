#include "hooks/stored/h5/datatype.h"

#include <cstdint>

namespace headscope::h5 {
namespace {

Datatype half_width(std::size_t exponent_bits, std::size_t bias) {
  const std::size_t mantissa_bits = 15 - exponent_bits;
  Datatype type(H5Tcopy(H5T_IEEE_F32LE), "copy float type");
  checked(H5Tset_fields(type.id(), 15, mantissa_bits, exponent_bits, 0, mantissa_bits), "fields");
  checked(H5Tset_size(type.id(), 2), "size");
  checked(H5Tset_ebias(type.id(), bias), "bias");
  return type;
}

}  // namespace

Datatype float_type(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return half_width(5, 15);
    case DType::bf16:
      return half_width(8, 127);
    default:
      return {H5Tcopy(H5T_IEEE_F32LE), "copy float type"};
  }
}

DType dtype_of(const Dataset& dataset) {
  const Datatype type(H5Dget_type(dataset.id()), "type of dataset");
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    if (H5Tequal(type.id(), float_type(dtype).id()) > 0) {
      return dtype;
    }
  }
  throw Failure("a dataset's type is neither f32 nor f16 nor bf16");
}

bool has_type(const Dataset& dataset, hid_t type) {
  const Datatype stored(H5Dget_type(dataset.id()), "type of dataset");
  return H5Tequal(stored.id(), type) > 0;
}

Datatype text_type() {
  Datatype type(H5Tcopy(H5T_C_S1), "copy string type");
  checked(H5Tset_size(type.id(), H5T_VARIABLE), "string size");
  checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), "character set");
  return type;
}

Datatype bool_type() {
  Datatype type(H5Tenum_create(H5T_NATIVE_INT8), "bool type");
  const std::int8_t no = 0;
  const std::int8_t yes = 1;
  checked(H5Tenum_insert(type.id(), "FALSE", &no), "bool type");
  checked(H5Tenum_insert(type.id(), "TRUE", &yes), "bool type");
  return type;
}

}  // namespace headscope::h5
