// Random choices that are the same on every machine: the standard library's distributions are not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace headscope {

// What is chosen with a Source of 64 random bits, Source::next().
template <typename Source>
class RandomChoices {
 public:
  // Below `n` (at least 1), each equally likely.
  std::size_t below(std::size_t n) {
    const std::uint64_t excess = (UINT64_MAX % n + 1) % n;  // what is over whole rounds of n
    std::uint64_t value = source().next();
    while (value > UINT64_MAX - excess) {
      value = source().next();
    }
    return value % n;
  }

  template <typename Value>
  const Value& pick(const std::vector<Value>& values) {
    return values[below(values.size())];
  }

  template <typename Value>
  void shuffle(std::vector<Value>& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[below(i)]);
    }
  }

  // `k` of `values` at different places, at most all of them.
  template <typename Value>
  std::vector<Value> sample(std::vector<Value> values, std::size_t k) {
    for (std::size_t i = 0; i < k && i < values.size(); ++i) {
      std::swap(values[i], values[i + below(values.size() - i)]);
    }
    values.resize(std::min(k, values.size()));
    return values;
  }

 private:
  Source& source() { return static_cast<Source&>(*this); }
};

// SplitMix64 (Steele, Lea & Flood 2014), one stream a seed and name.
class Random : public RandomChoices<Random> {
 public:
  Random(std::uint64_t seed, std::string_view stream) : state_(seed) {
    for (const char c : stream) {
      state_ = next() ^ static_cast<unsigned char>(c);
    }
  }

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace headscope
