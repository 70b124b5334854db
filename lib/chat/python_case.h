// Python's upper, lower and title case. Fault for the few characters whose mapping needs more than
// their own code point (a final sigma, ligatures).
#pragma once

#include <string>
#include <string_view>

namespace headscope::jinja {

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);  // str.capitalize()
std::string title(std::string_view text);       // str.title(): also inside a word, after "'"

// Jinja's filter of that name: a word begins after white space, "-", or an opening bracket.
std::string title_words(std::string_view text);

bool is_upper(std::string_view text);  // str.isupper(): some letter has case, and none is lower
bool is_lower(std::string_view text);

}  // namespace headscope::jinja
