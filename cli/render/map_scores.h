// What an attention map does, in a few numbers: by these the viewer sorts heads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headscope {

struct MapScoreName {
  std::string_view name;
  std::string_view meaning;
};

// Means over the queries for which each is defined: the attention to the first token, to the token
// before, to the query itself, to earlier copies of it, to what followed those (Olsson et al. 2022,
// https://arxiv.org/abs/2209.11895: induction); the row's entropy in nats; the distance looked
// back.
inline constexpr std::array<MapScoreName, 7> kMapScores{{
    {"first", "attention to the first token"},
    {"previous", "attention to the token before"},
    {"self", "attention to the query itself"},
    {"duplicate", "attention to earlier copies of the token"},
    {"induction", "attention to what followed earlier copies"},
    {"entropy", "entropy of a row, nats"},
    {"distance", "tokens looked back"},
}};
using MapScores = std::array<double, kMapScores.size()>;

// `pattern` [size, size], each row's keys up to its query; `tokens` as many labels. NaN where no
// query has such a key.
MapScores map_scores(std::span<const float> pattern, const std::vector<std::string>& tokens);

}  // namespace headscope
