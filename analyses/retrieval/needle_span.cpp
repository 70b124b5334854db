#include "analyses/retrieval/needle_span.h"

#include <set>
#include <unordered_map>

namespace headscope {

std::optional<Span> find_needle(const std::vector<std::int32_t>& prompt,
                                const std::vector<std::int32_t>& needle) {
  const std::set<std::int32_t> wanted(needle.begin(), needle.end());
  const auto enough = 0.9 * static_cast<double>(wanted.size());
  std::unordered_map<std::int32_t, std::int64_t> inside;  // of the wanted tokens, in the window
  for (std::size_t end = 0; end < prompt.size() && !needle.empty(); ++end) {
    if (wanted.contains(prompt[end])) {
      ++inside[prompt[end]];
    }
    if (end >= needle.size()) {
      const auto left = inside.find(prompt[end - needle.size()]);
      if (left != inside.end() && --left->second == 0) {
        inside.erase(left);
      }
    }
    if (end + 1 >= needle.size() && static_cast<double>(inside.size()) > enough) {
      const auto past = static_cast<std::int64_t>(end + 1);
      return Span{past - static_cast<std::int64_t>(needle.size()), past};
    }
  }
  return std::nullopt;
}

}  // namespace headscope
