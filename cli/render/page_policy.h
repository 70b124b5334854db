// The Content-Security-Policy of every page we write: no request of any kind leaves it, and no
// script runs but ours, so that nothing in a prompt can act.
#pragma once

#include <string>

namespace headscope {

std::string page_policy();

}  // namespace headscope
