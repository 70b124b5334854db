// Random choices of the 64-bit Mersenne twister. Intervals, partners of resampling, random circuits
// and the order of activations were drawn with it in files that users have: the same seed must go
// on giving the same numbers. What is new takes Random (random.h).
#pragma once

#include <cstdint>
#include <random>

#include "lib/base/random.h"

namespace headscope {

class MersenneRandom : public RandomChoices<MersenneRandom> {
 public:
  explicit MersenneRandom(std::uint64_t seed) : engine_(seed) {}
  explicit MersenneRandom(std::seed_seq& seeds) : engine_(seeds) {}

  std::uint64_t next() { return engine_(); }

  // Below `n`, at most 2^32, by multiplication of the upper 32 bits: another choice than below()
  // makes.
  std::size_t scaled(std::size_t n) { return ((next() >> 32) * n) >> 32; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace headscope
