// HDF5 groups and the links in them. `parent` is a File's or Group's id.
#pragma once

#include <string>
#include <vector>

#include "hooks/stored/h5/handle.h"

namespace headscope::h5 {

// Links are kept in the order of their creation.
Group create_group(hid_t parent, const std::string& name);
Group open_group(hid_t parent, const std::string& name);
bool has_link(hid_t parent, const std::string& name);

// The names of the links of `group`, in the order of their creation.
std::vector<std::string> links(const Group& group);

}  // namespace headscope::h5
