// Where a head does something of itself: conditions on its attention at each query.
#pragma once

#include <optional>
#include <string_view>

#include "lib/attention/statistics.h"
#include "lib/model/tap.h"

namespace headscope {

// Of the weights of one query in one head.
enum class HeadStatistic {
  first_token_mass,     // on the row's first token
  entropy,              // −Σ p ln p, nats
  self_mass,            // on the query's own token
  previous_token_mass,  // on the token before it; 0 where there is none
};
std::string_view to_string(HeadStatistic statistic);
HeadStatistic parse_head_statistic(std::string_view text);  // DataError listing them

// Holds above one bound and below the other, both excluded; an unset bound holds for all.
struct HeadCondition {
  HeadStatistic statistic = HeadStatistic::first_token_mass;
  std::optional<double> above{};
  std::optional<double> below{};
  bool operator==(const HeadCondition&) const = default;
};

// All of them at once, for attention_statistics().
StatisticsRequest head_statistics_request();

// Where a condition holds: [B, n_heads, T] bool, never for padding. By statistics of that request,
// or by the pattern [B, n_heads, T, S] itself.
Tensor holds(const HeadCondition& condition, const Visit& visit, const AttentionStatistics& found);
Tensor holds(const HeadCondition& condition, const Visit& visit, const Tensor& pattern);

// Where the one query of each row lies, as numbers on the device; int64.
struct PlacedQuery {
  Tensor column;  // [1]
  Tensor pads;    // [B], columns of padding at the left of each row
};
// The same of that query, by its pattern [B, n_heads, 1, S].
Tensor holds(const HeadCondition& condition, const PlacedQuery& query, const Tensor& pattern);

}  // namespace headscope
