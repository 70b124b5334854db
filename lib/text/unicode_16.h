// Characters that Hugging Face knows and an older PCRE2 or utf8proc does not.
#pragma once

#include <string_view>

namespace headscope {

// To stand inside a PCRE2 class beside \p{category}: what Unicode added to the general category
// after version 14. Empty if nothing.
std::string_view newer_members(std::string_view category);

// Is `value` a number (Nd, Nl, No) only since Unicode 16? utf8proc 2.8 stops at 15.
bool number_since_unicode_16(char32_t value);

// The lower case of letters that got one since Unicode 16, or `value` itself.
char32_t lower_since_unicode_16(char32_t value);

// Does `value` belong to the grapheme before it (UAX 29: Extend or SpacingMark) only since Unicode
// 16 or 17?
bool extends_grapheme_since_unicode_16(char32_t value);

}  // namespace headscope
