#include "lib/base/suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace headscope {
namespace {

constexpr std::size_t kWorse = 2;          // names this much farther than the nearest only distract
constexpr std::size_t kLongestName = 512;  // the distance is quadratic; no name of ours is longer

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool near_enough(std::size_t distance, std::size_t longer) {
  return distance <= 2 ? distance < longer : distance <= (longer + 2) / 3;  // --sight finds --site
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);  // the rows i - 2, i - 1 and i of the table
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0u : 1u)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::vector<std::string> nearest(std::string_view name,
                                 const std::vector<std::string>& candidates,
                                 std::size_t limit) {
  std::vector<std::pair<std::size_t, const std::string*>> ranked;
  for (const std::string& candidate : candidates) {
    const std::size_t longer = std::max(name.size(), candidate.size());
    if (longer > kLongestName) {
      continue;
    }
    const std::size_t distance = edit_distance(name, candidate);
    if (near_enough(distance, longer)) {
      ranked.emplace_back(distance, &candidate);
    }
  }
  std::stable_sort(
      ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < ranked.size() && names.size() < limit; ++i) {
    if (ranked[i].first > ranked[0].first + kWorse) {
      break;
    }
    const std::string& next = *ranked[i].second;
    if (std::find(names.begin(), names.end(), next) == names.end()) {
      names.push_back(next);
    }
  }
  return names;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::vector<std::string> names = nearest(name, candidates);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool is_last = i + 1 == names.size();
    text += i == 0 ? "; did you mean " : is_last ? " or " : ", ";
    text += names[i];
  }
  return text.empty() ? text : text + "?";
}

}  // namespace headscope
