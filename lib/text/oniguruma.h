// Hugging Face's patterns are Oniguruma's (Ruby syntax); PCRE2 reads a few constructs differently.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

// The PCRE2 pattern that matches what Oniguruma's `regex` matches. Throws DataError, opened by
// `where`, for anything not known to agree: nested classes, `&&`, back-references, `\b`, `(?m)`, …
// Source: https://github.com/kkos/oniguruma/blob/master/doc/RE
std::string oniguruma_to_pcre2(std::string_view regex, const std::string& where);

}  // namespace headscope
