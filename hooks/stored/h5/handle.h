// Owners of HDF5 identifiers: each closes its own, once.
#pragma once

#include <string>
#include <utility>

#include <hdf5.h>

#include "hooks/stored/h5/error.h"

namespace headscope::h5 {

template <herr_t (*kClose)(hid_t)>
class Handle {
 public:
  Handle() = default;
  // Takes `id` over; a negative one is a Failure that opens with `doing`.
  Handle(hid_t id, const std::string& doing) : id_(checked(id, doing)) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() { release(); }

  [[nodiscard]] hid_t id() const { return id_; }

  // Closes now, so that a failure (the last bytes did not fit the disk) can be seen.
  void close(const std::string& doing) { checked(kClose(std::exchange(id_, -1)), doing); }

 private:
  void release() {
    if (id_ >= 0) {
      const auto lock = lock_library();
      kClose(id_);
    }
  }

  hid_t id_ = -1;
};

using File = Handle<H5Fclose>;
using Group = Handle<H5Gclose>;
using Dataset = Handle<H5Dclose>;
using Dataspace = Handle<H5Sclose>;
using Datatype = Handle<H5Tclose>;
using Attribute = Handle<H5Aclose>;
using PropertyList = Handle<H5Pclose>;

}  // namespace headscope::h5
