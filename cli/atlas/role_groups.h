// Roles that are alike, so that a page needs a colour a group and not one a role.
#pragma once

#include <string_view>
#include <vector>

namespace headscope {

struct RoleGroup {
  std::string_view name;
  std::vector<std::string_view> detectors;
  std::string_view prompt;  // of the examples (examples.h), the one on which such heads show
};

// Detectors of none of them (those of users, and new ones) are "others".
const std::vector<RoleGroup>& role_groups();

}  // namespace headscope
