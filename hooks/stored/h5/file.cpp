#include "hooks/stored/h5/file.h"

namespace headscope::h5 {
namespace {

PropertyList access_list() {
  PropertyList list(H5Pcreate(H5P_FILE_ACCESS), "file access list");
  checked(H5Pset_fclose_degree(list.id(), H5F_CLOSE_STRONG), "close degree");
#if H5_VERSION_GE(1, 10, 7)
  checked(H5Pset_file_locking(list.id(), false, true), "file locking");
#endif
  return list;
}

}  // namespace

File create_file(const std::filesystem::path& path, const NewFile& options) {
  const PropertyList access = access_list();
  // Format 1.8: checksummed metadata that every HDF5 of the last fifteen years reads.
  checked(H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, H5F_LIBVER_LATEST), "format");
  checked(H5Pset_meta_block_size(access.id(), options.metadata_block), "metadata block");
  checked(H5Pset_small_data_block_size(access.id(), 0), "data block");
  // Without it the element that places a dataset brings 64 KiB of zeros along.
  checked(H5Pset_sieve_buf_size(access.id(), 0), "sieve buffer");
  const PropertyList creation(H5Pcreate(H5P_FILE_CREATE), "file creation list");
  checked(H5Pset_userblock(creation.id(), options.user_block), "user block");
  checked(H5Pset_obj_track_times(creation.id(), false), "times");
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), "create file"};
}

File open_file(const std::filesystem::path& path) {
  const PropertyList access = access_list();
  return {H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), "open file"};
}

}  // namespace headscope::h5
