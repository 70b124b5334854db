#include "lib/text/text_span.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {

Span span_of_text(const std::vector<std::string>& pieces,
                  std::string_view text,
                  const std::string& where) {
  std::string all;
  std::vector<std::size_t> ends;
  for (const std::string& piece : pieces) {
    all += piece;
    ends.push_back(all.size());
  }
  const std::size_t at = text.empty() ? std::string::npos : all.find(text);
  if (at == std::string::npos) {
    throw DataError("{}: the prompt does not say \"{}\"", where, text);
  }
  if (all.find(text, at + 1) != std::string::npos) {
    throw DataError(
        "{}: the prompt says \"{}\" more than once; give its tokens, [begin, end)", where, text);
  }
  // From the first token that ends behind the text's first byte to the first that ends at or
  // behind its last.
  const auto begin = std::upper_bound(ends.begin(), ends.end(), at) - ends.begin();
  const auto last = std::lower_bound(ends.begin(), ends.end(), at + text.size()) - ends.begin();
  return {begin, last + 1};
}

}  // namespace headscope
