// "Did you mean …?": the known names nearest to one that is not known.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace headscope {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, counted in
// bytes (optimal string alignment); letters that differ only in case count as equal.
std::size_t edit_distance(std::string_view a, std::string_view b);

// At most `limit` of `candidates`, each once, the nearest first (ties in their own order); none
// whose distance exceeds a third of the longer name, rounded up (2 is never too far), or that of
// the nearest by more than 2.
std::vector<std::string> nearest(std::string_view name,
                                 const std::vector<std::string>& candidates,
                                 std::size_t limit = 3);

// "; did you mean a, b or c?", or "" when nothing is near: made to follow "NAME: no such thing".
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace headscope
