// data/tasks/NAME.json, compiled into the program.
#pragma once

#include <string_view>

namespace headscope {

std::string_view ioi_words();
std::string_view greater_than_words();
std::string_view docstring_words();
std::string_view colored_objects_words();
std::string_view gendered_pronouns_words();
std::string_view capitals_words();
std::string_view successor_words();
std::string_view arithmetic_words();
std::string_view multiple_choice_words();
std::string_view acronyms_words();
std::string_view key_retrieval_words();

}  // namespace headscope
