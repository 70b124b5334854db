// English words without their endings, so that "climates" and "climate" count as one word.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

// Porter, M. F. 1980, "An algorithm for suffix stripping", with the departures of NLTK's default
// mode, which the published ROUGE scores use. `word` is of lower-case ASCII letters and digits.
std::string porter_stem(std::string_view word);

}  // namespace headscope
