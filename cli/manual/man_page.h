// Manual pages in the language of man(7).
#pragma once

#include <string>
#include <vector>

#include "cli/manual/verb_text.h"

namespace headscope {

// The page of the program, headscope(1): every verb with its line.
std::string program_page(const std::vector<VerbText>& verbs);

// The page of a verb, headscope-VERB(1).
std::string verb_page(const VerbText& verb);

// "headscope-sae-train.1"
std::string page_file(const VerbText& verb);

}  // namespace headscope
