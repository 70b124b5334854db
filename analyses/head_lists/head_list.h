// A number for every head of a model, as a file gives it: what published lists of retrieval heads,
// streaming heads and the like come down to. Free of Torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/head_scores.h"

namespace headscope {

// What a head's number counts: query heads, or the KV heads that groups of them share. The two are
// different index spaces, even where a model has as many of one as of the other.
enum class HeadSpace { query, kv };
std::string_view to_string(HeadSpace space);  // "query heads", "KV heads"

struct HeadList {
  std::string path{};
  std::string format{};  // "Retrieval_Head JSON"
  HeadSpace space = HeadSpace::query;
  HeadScores scores{};
  std::int64_t samples = 0;  // of each head, where the file holds them; 0: scores only
  HeadScores active{};       // share of samples above 0; empty without samples
  std::string note{};        // what else the file says ("128 sink and 256 recent tokens")
};

// "32×32 query heads", for messages.
std::string shape_of(const HeadList& list);

// Every group of n_heads / kv_heads neighbouring query heads becomes the largest of its scores:
// what the KV head they share is worth. Throws UsageError if the list is of KV heads already or
// its heads do not divide.
HeadList reduced_to_kv(const HeadList& list, std::int64_t kv_heads);

}  // namespace headscope
