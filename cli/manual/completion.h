// Scripts by which shells complete verbs, options and their fixed values.
#pragma once

#include <string>
#include <vector>

#include "cli/manual/verb_text.h"

namespace headscope {

std::string bash_completion(const std::vector<VerbText>& verbs);
std::string zsh_completion(const std::vector<VerbText>& verbs);
std::string fish_completion(const std::vector<VerbText>& verbs);

}  // namespace headscope
