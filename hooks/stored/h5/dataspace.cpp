#include "hooks/stored/h5/dataspace.h"

namespace headscope::h5 {

Dataspace scalar_space() {
  return {H5Screate(H5S_SCALAR), "scalar space"};
}

Dataspace simple_space(const Dims& dims) {
  return {H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), "simple space"};
}

Dims dims_of(const Dataspace& space) {
  const int rank = checked(H5Sget_simple_extent_ndims(space.id()), "rank");
  Dims dims(static_cast<std::size_t>(rank));
  checked(H5Sget_simple_extent_dims(space.id(), dims.data(), nullptr), "shape");
  return dims;
}

void select_rows(const Dataspace& space, hsize_t begin, hsize_t count) {
  Dims size = dims_of(space);
  Dims start(size.size(), 0);
  start.at(0) = begin;
  size.at(0) = count;
  checked(
      H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr),
      "select rows");
}

}  // namespace headscope::h5
