// Words as a shell would read them back.
#pragma once

#include <string>

namespace headscope {

// Quoted where a shell would need it, so that it can be pasted.
std::string shell_quoted(const std::string& word);

}  // namespace headscope
