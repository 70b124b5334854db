#include "analyses/attribution/agreement.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>

#include "lib/base/error.h"

namespace headscope {
namespace {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<std::size_t> sorted_by(std::size_t count,
                                   const std::function<double(std::size_t)>& key) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(
      order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  return order;
}

// Whether the `count` largest by absolute value are told apart from the others, and from nothing.
bool has_top(const std::vector<double>& descending, std::size_t count) {
  return descending[count - 1] > 0 &&
         (count == descending.size() || descending[count - 1] > descending[count]);
}

std::vector<double> sizes_descending(const std::vector<double>& values) {
  std::vector<double> sizes;
  for (const double value : values) {
    sizes.push_back(std::abs(value));
  }
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  return sizes;
}

std::size_t common_top(const std::vector<double>& a,
                       const std::vector<double>& b,
                       std::size_t asked) {
  const auto first = sizes_descending(a);
  const auto second = sizes_descending(b);
  std::size_t count = std::min(asked, a.size());
  while (count > 0 && !(has_top(first, count) && has_top(second, count))) {
    --count;
  }
  return count;
}

std::vector<std::size_t> largest(const std::vector<double>& values, std::size_t count) {
  auto order = sorted_by(values.size(), [&](std::size_t i) { return -std::abs(values[i]); });
  order.resize(std::min(count, order.size()));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

std::optional<double> pearson(const std::vector<double>& a, const std::vector<double>& b) {
  const double mean_a = mean(a);
  const double mean_b = mean(b);
  double aa = 0.0;
  double bb = 0.0;
  double ab = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
    ab += (a[i] - mean_a) * (b[i] - mean_b);
  }
  if (!(aa > 0 && bb > 0)) {
    return std::nullopt;
  }
  return ab / std::sqrt(aa * bb);
}

std::vector<double> ranks(const std::vector<double>& values) {
  const auto order = sorted_by(values.size(), [&](std::size_t i) { return values[i]; });
  std::vector<double> result(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) {
      ++end;
    }
    for (std::size_t i = begin; i < end; ++i) {
      result[order[i]] = static_cast<double>(begin + end + 1) / 2.0;
    }
    begin = end;
  }
  return result;
}

Agreement agreement_of(const std::vector<double>& estimated,
                       const std::vector<double>& exact,
                       std::size_t top_count) {
  if (estimated.size() != exact.size() || exact.size() < 2) {
    throw UsageError(
        "{} estimates and {} exact values do not compare", estimated.size(), exact.size());
  }
  Agreement found;
  found.pearson = pearson(estimated, exact);
  found.spearman = pearson(ranks(estimated), ranks(exact));
  const double square =
      std::inner_product(estimated.begin(), estimated.end(), estimated.begin(), 0.0);
  const double product = std::inner_product(estimated.begin(), estimated.end(), exact.begin(), 0.0);
  if (square > 0) {
    found.slope = product / square;
  }
  found.top_count = common_top(estimated, exact, top_count);
  const auto first = largest(estimated, found.top_count);
  const auto second = largest(exact, found.top_count);
  std::vector<std::size_t> both;
  std::set_intersection(
      first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(both));
  found.top = both.size();
  found.worst =
      sorted_by(exact.size(), [&](std::size_t i) { return -std::abs(estimated[i] - exact[i]); });
  return found;
}

}  // namespace headscope
