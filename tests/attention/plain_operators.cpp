#include "tests/attention/plain_operators.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/tensor/ops.h"

namespace headscope::test {
namespace {

// Softmax over the keys that `keeps` says.
std::vector<double> softmax_over(const PlainQuery& query,
                                 const std::function<bool(std::size_t)>& keeps) {
  std::vector<double> weights(query.scores.size());
  double sum = 0.0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    weights[j] = keeps(j) ? std::exp(query.scores[j]) : 0.0;
    sum += weights[j];
  }
  for (double& each : weights) {
    each /= sum;
  }
  return weights;
}

std::size_t distance(const PlainQuery& query, std::size_t j) {
  return query.scores.size() - 1 - j;
}

// Keys whose score is beaten by fewer than k others.
std::vector<double> top(const PlainQuery& query, std::size_t k) {
  return softmax_over(query, [&](std::size_t j) {
    const auto beaten_by = std::count_if(query.scores.begin(),
                                         query.scores.end(),
                                         [&](double other) { return other > query.scores[j]; });
    return static_cast<std::size_t>(beaten_by) < k;
  });
}

std::uint64_t mixed_bits(std::uint64_t x) {
  for (const std::uint64_t odd : {0x2c1b3c6dULL, 0x297a2d39ULL}) {
    x = ((x ^ (x >> 15)) * odd) & 0x7fffffffULL;
  }
  return x ^ (x >> 16);
}

// The keys of the `keep` largest numbers, each a hash of seed 3, layer, query and key.
std::vector<double> drawn(const PlainQuery& query, std::size_t keep) {
  const std::uint64_t start = (3 * 0x9e3779b1ULL) & 0x7fffffffULL;
  const std::uint64_t i = query.scores.size() - 1;
  const std::uint64_t of_query =
      mixed_bits((i + 1) * 0x165667b1ULL + start + static_cast<std::uint64_t>(query.layer) * 7919);
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t j = 0; j <= i; ++j) {
    const std::uint64_t high = mixed_bits(of_query + ((j * 0x27d4eb2fULL) & 0x7fffffffULL));
    numbers.push_back((high << 31) + mixed_bits(high + j + 1));
  }
  return softmax_over(query, [&](std::size_t j) {
    const auto larger = std::count_if(
        numbers.begin(), numbers.end(), [&](std::uint64_t n) { return n > numbers[j]; });
    return static_cast<std::size_t>(larger) < keep;
  });
}

// Keys in order of their weights until these sum to `mass`.
std::vector<double> nucleus(const PlainQuery& query, double mass) {
  const std::vector<double> p = softmax_over(query, [](std::size_t) { return true; });
  return softmax_over(query, [&](std::size_t j) {
    double before = 0.0;
    for (const double other : p) {
      before += other > p[j] ? other : 0.0;
    }
    return before < mass;
  });
}

// The query's own block of `size`, the first `first` and the one before if `before`, and of the
// others those of the best score, `keep` in all.
struct PlainBlocks {
  std::size_t size, keep, first, before;
  bool mean;
};
std::vector<double> in_blocks(const PlainQuery& query, const PlainBlocks& by) {
  const std::size_t own = (query.scores.size() - 1) / by.size;
  std::vector<double> best(own + 1);
  for (std::size_t block = 0; block <= own; ++block) {
    const std::size_t end = std::min(query.scores.size(), (block + 1) * by.size);
    const auto from = query.scores.begin() + static_cast<std::ptrdiff_t>(block * by.size);
    const auto to = query.scores.begin() + static_cast<std::ptrdiff_t>(end);
    best[block] = by.mean ? std::accumulate(from, to, 0.0) / static_cast<double>(to - from)
                          : *std::max_element(from, to);
    if (block < by.first || block + by.before >= own) {
      best[block] = 1e9;
    }
  }
  return softmax_over(query, [&](std::size_t j) {
    const double mine = best[j / by.size];
    const auto better =
        std::count_if(best.begin(), best.end(), [&](double other) { return other > mine; });
    return mine == 1e9 || static_cast<std::size_t>(better) < by.keep;
  });
}

// Segments of keys halved until none is longer than 2, the best 3 going on each time.
std::vector<double> pruned(const PlainQuery& query) {
  using Segment = std::pair<std::size_t, std::size_t>;
  const std::size_t n = 3, block = 2, length = query.scores.size();
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < n; ++i) {
    segments.push_back({i * length / n, (i + 1) * length / n});
  }
  const auto too_long = [&](const Segment& s) { return s.second - s.first > block; };
  while (std::any_of(segments.begin(), segments.end(), too_long)) {
    std::vector<std::pair<double, Segment>> halves;
    for (const auto& [begin, end] : segments) {
      const std::size_t middle = end - begin > block ? begin + (end - begin + 1) / 2 : end;
      for (const auto& [from, to] : {Segment{begin, middle}, Segment{middle, end}}) {
        double score = -1e9;
        for (std::size_t j = from; j < std::min(to, from + block); ++j) {
          score = std::max(score, query.scores[j]);
        }
        halves.push_back({score, {from, to}});
      }
    }
    std::sort(halves.begin(), halves.end(), std::greater<>());
    for (std::size_t i = 0; i < n; ++i) {
      segments[i] = halves[i].second;
    }
  }
  return softmax_over(query, [&](std::size_t j) {
    return j + 1 == length || std::any_of(segments.begin(), segments.end(), [&](const Segment& s) {
             return j >= s.first && j < s.second;
           });
  });
}

// The keys between the first two and the last three as one, of their mean score, n-fold.
std::vector<double> compensated(const PlainQuery& query) {
  PlainQuery changed = query;
  double sum = 0.0;
  std::vector<std::size_t> dropped;
  for (std::size_t j = 2; j + 3 < query.scores.size(); ++j) {
    dropped.push_back(j);
    sum += query.scores[j];
  }
  for (const std::size_t j : dropped) {
    changed.scores[j] = sum / static_cast<double>(dropped.size());
  }
  return softmax_over(changed, [](std::size_t) { return true; });
}

std::vector<double> weighed(const PlainQuery& query,
                            const std::function<double(double, double)>& weight) {
  std::vector<double> weights;
  for (const double score : query.scores) {
    weights.push_back(weight(score, static_cast<double>(query.scores.size())));
  }
  return weights;
}

double feature_product(const std::vector<double>& q, const std::vector<double>& k) {
  const auto feature = [](double x) { return x > 0 ? x + 1.0 : std::exp(x); };
  double sum = 0.0;
  for (std::size_t d = 0; d < q.size(); ++d) {
    sum += feature(q[d]) * feature(k[d]);
  }
  return sum;
}

std::vector<double> linear_weights(const PlainQuery& query) {
  std::vector<double> weights;
  double sum = 0.0;
  for (const std::vector<double>& key : query.keys) {
    weights.push_back(feature_product(query.q, key));
    sum += weights.back();
  }
  for (double& each : weights) {
    each /= sum;
  }
  return weights;
}

std::vector<double> turned_on(std::vector<double> x,
                              double place,
                              const std::vector<double>& by,
                              double factor) {
  for (std::size_t d = 0; d < by.size(); ++d) {
    const double a = x[d], b = x[d + by.size()];
    const double cos = std::cos(place * by[d]) * factor, sin = std::sin(place * by[d]) * factor;
    x[d] = a * cos - b * sin;
    x[d + by.size()] = b * cos + a * sin;
  }
  return x;
}

// Everything turned by `to` in place of plain_rotation().
std::vector<double> at_angles(const PlainQuery& query,
                              const std::function<double(double now, double pair)>& to,
                              double factor = 1.0) {
  std::vector<double> by;
  for (const double now : plain_rotation().frequencies) {
    by.push_back(to(now, static_cast<double>(by.size())) - now);
  }
  PlainQuery changed = query;
  const auto self = static_cast<double>(query.keys.size() - 1);
  const std::vector<double> q = turned_on(query.q, self, by, factor);
  for (std::size_t j = 0; j < query.keys.size(); ++j) {
    const std::vector<double> k = turned_on(query.keys[j], static_cast<double>(j), by, factor);
    changed.scores[j] = std::inner_product(q.begin(), q.end(), k.begin(), 0.0) * query.scale;
  }
  return softmax_over(changed, [](std::size_t) { return true; });
}

}  // namespace

KeyRotation plain_rotation() {
  return {.pairs = KeyRotation::Pairs::halves, .frequencies = {1.0, 0.1, 0.01, 0.001}};
}

std::vector<std::pair<std::string, PlainOperator>> plain_operators() {
  return {
      {"streaming:sink=2,local=3",
       [](const PlainQuery& query) {
         return softmax_over(query, [&](std::size_t j) { return j < 2 || distance(query, j) < 3; });
       }},
      {"window:local=4",
       [](const PlainQuery& query) {
         return softmax_over(query, [&](std::size_t j) { return distance(query, j) < 4; });
       }},
      {"arrow:local=3",
       [](const PlainQuery& query) {
         return softmax_over(query,
                             [&](std::size_t j) { return j == 0 || distance(query, j) < 3; });
       }},
      {"span:alpha=1,beta=0.3,sink=1",
       [](const PlainQuery& query) {
         const double span = std::floor(0.3 * static_cast<double>(query.scores.size()) + 1.0);
         return softmax_over(query, [&](std::size_t j) {
           return j < 1 || static_cast<double>(distance(query, j)) < std::max(1.0, span);
         });
       }},
      {"shards:block=2,local=2,stride=3,offset=1",
       [](const PlainQuery& query) {
         const std::size_t own = (query.scores.size() - 1) / 2;
         return softmax_over(query,
                             [&](std::size_t j) { return own - j / 2 < 2 || (j / 2) % 3 == 2; });
       }},
      {"top-k:k=3", [](const PlainQuery& query) { return top(query, 3); }},
      {"random:keep=4,seed=3", [](const PlainQuery& query) { return drawn(query, 4); }},
      {"dilated:keys=3,stride=2",
       [](const PlainQuery& query) {
         return softmax_over(query, [&](std::size_t j) {
           return distance(query, j) % 2 == 0 && distance(query, j) < 6;
         });
       }},
      {"threshold:p=0.15",
       [](const PlainQuery& query) {
         const std::vector<double> p = softmax_over(query, [](std::size_t) { return true; });
         const double most = *std::max_element(p.begin(), p.end());
         return softmax_over(query, [&](std::size_t j) { return p[j] >= 0.15 || p[j] == most; });
       }},
      {"top-p:p=0.6", [](const PlainQuery& query) { return nucleus(query, 0.6); }},
      {"block-pooled:block=2,keep=3",
       [](const PlainQuery& query) {
         return in_blocks(query, {.size = 2, .keep = 3, .first = 0, .before = 0, .mean = true});
       }},
      {"block-oracle:block=2,keep=3",
       [](const PlainQuery& query) {
         return in_blocks(query, {.size = 2, .keep = 3, .first = 0, .before = 0, .mean = false});
       }},
      {"chunks:chunk=2,keep=4",
       [](const PlainQuery& query) {
         return in_blocks(query, {.size = 2, .keep = 4, .first = 1, .before = 1, .mean = true});
       }},
      {"hip:keep=6,block=2,local=1", pruned},
      {"razor:sink=2,local=3", compensated},
      {"softmax-off-by-one",
       [](const PlainQuery& query) {
         double sum = 1.0;
         for (const double score : query.scores) {
           sum += std::exp(score);
         }
         return weighed(query, [&](double s, double) { return std::exp(s) / sum; });
       }},
      {"sigmoid:shift=0.5",
       [](const PlainQuery& query) {
         return weighed(query, [](double s, double n) {
           return 1.0 / (1.0 + std::exp(-(s - std::log(n) + 0.5)));
         });
       }},
      {"relu",
       [](const PlainQuery& query) {
         return weighed(query, [](double s, double n) { return std::max(s, 0.0) / n; });
       }},
      {"linear", linear_weights},
      {"rope-base:base=50",
       [](const PlainQuery& query) {
         return at_angles(query, [](double, double i) { return std::pow(50.0, -i / 4.0); });
       }},
      {"rope-linear:factor=3",
       [](const PlainQuery& query) {
         return at_angles(query, [](double now, double) { return now / 3.0; });
       }},
      {"rope-ntk:factor=3",
       [](const PlainQuery& query) {
         return at_angles(query, [](double, double i) {
           const double base = 10000.0 * std::pow(3.0, 8.0 / 6.0);
           return std::pow(base, -2.0 * i / 8.0);
         });
       }},
      {"rope-yarn:factor=4,window=4096",  // pairs 0 to 1 stay, from pair 3 on a fourth
       [](const PlainQuery& query) {
         return at_angles(
             query,
             [](double now, double i) {
               const double slow = std::clamp((i - 1.0) / 2.0, 0.0, 1.0);
               return now * (slow / 4.0 + 1.0 - slow);
             },
             0.1 * std::log(4.0) + 1.0);
       }},
      {"log-scale:window=4",
       [](const PlainQuery& query) {
         PlainQuery changed = query;
         const auto keys = static_cast<double>(query.scores.size());
         for (double& score : changed.scores) {
           score *= std::max(1.0, std::log(keys) / std::log(4.0));
         }
         return softmax_over(changed, [](std::size_t) { return true; });
       }},
  };
}

std::vector<std::string> whole_budgets() {
  return {"streaming:sink=4,local=5",
          "window:local=9",
          "arrow:local=8",
          "span:beta=1",
          "shards:block=3,local=3,stride=2",
          "dilated:keys=9,stride=1",
          "top-k:k=9",
          "threshold:p=0",
          "top-p:p=1",
          "block-pooled:block=2,keep=5",
          "block-oracle:block=2,keep=5",
          "chunks:chunk=2,keep=5",
          "hip:keep=10,block=2",
          "random:keep=9",
          "razor:sink=4,local=5",
          "rope-linear:factor=1",
          "rope-ntk:factor=1",
          "rope-yarn:factor=1,window=4096",
          "log-scale:window=9"};
}

std::vector<double> floats(const Tensor& x) {
  const Tensor flat = x.to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

std::vector<HeadId> model_heads(const Model& model) {
  return HeadGrid{model.config().n_layers, model.config().n_heads}.heads();
}

}  // namespace headscope::test
