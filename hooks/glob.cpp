#include <algorithm>
#include <string_view>
#include <vector>

#include "hooks/address.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kMostAlternatives = 4096;

// Greedy with one point to go back to: linear in practice, never exponential.
bool simple_match(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') {
    ++g;
  }
  return g == glob.size();
}

}  // namespace

// "a{b,c}d" → {"abd", "acd"}; braces do not nest.
std::vector<std::string> expand_braces(const std::string& glob) {
  const auto open = glob.find('{');
  if (open == std::string::npos) {
    return {glob};
  }
  const auto close = glob.find('}', open);
  if (close == std::string::npos) {
    throw UsageError("{}: a {{ without its }}", glob);
  }
  std::vector<std::string> out;
  std::size_t begin = open + 1;
  while (begin <= close) {
    const std::size_t end = std::min(close, glob.find(',', begin));
    const std::string middle = glob.substr(begin, end - begin);
    for (const std::string& rest : expand_braces(glob.substr(close + 1))) {
      out.push_back(glob.substr(0, open) + middle + rest);
    }
    if (out.size() > kMostAlternatives) {
      throw UsageError("{}: more than {} alternatives", glob, kMostAlternatives);
    }
    begin = end + 1;
  }
  return out;
}

bool glob_matches(const std::string& glob, const std::string& text) {
  for (const std::string& one : expand_braces(glob)) {
    if (simple_match(one, text)) {
      return true;
    }
  }
  return false;
}

}  // namespace headscope
