#include "hooks/stored/h5/group.h"

namespace headscope::h5 {

Group create_group(hid_t parent, const std::string& name) {
  const PropertyList list(H5Pcreate(H5P_GROUP_CREATE), "group creation list");
  checked(H5Pset_link_creation_order(list.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
          "link order");
  checked(H5Pset_obj_track_times(list.id(), false), "times");
  return {H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, list.id(), H5P_DEFAULT),
          "create group " + name};
}

Group open_group(hid_t parent, const std::string& name) {
  return {H5Gopen2(parent, name.c_str(), H5P_DEFAULT), "open group " + name};
}

bool has_link(hid_t parent, const std::string& name) {
  return checked(H5Lexists(parent, name.c_str(), H5P_DEFAULT), "look for " + name) > 0;
}

std::vector<std::string> links(const Group& group) {
  std::vector<std::string> names;
  const H5L_iterate_t collect = [](hid_t, const char* name, const H5L_info_t*, void* list) {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return herr_t{0};
  };
  checked(H5Literate(group.id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, collect, &names),
          "list group");
  return names;
}

}  // namespace headscope::h5
