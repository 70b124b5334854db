#include "lib/attention/statistics_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "lib/base/multiversion.h"

namespace headscope {
namespace {

constexpr std::size_t kLanes = 16;  // running sums, which the compiler keeps in vector registers

// exp to 2 units in the last place: x = n ln 2 + r, a polynomial in r, n added to the exponent.
// Plain arithmetic, so that it melts into loops that the compiler widens.
HEADSCOPE_INLINE float exponential(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 · 2²³: adding it rounds to an integer
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float rounded = x * 1.44269504f + kMagic;
  const float n = rounded - kMagic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r) * r + r + 1.0f;
  const auto exponent = std::bit_cast<std::int32_t>(rounded) << 23;
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(p) + exponent);
}

// The same of eight numbers at once: written out, because the compiler does not widen it by itself.
constexpr int kEight = 8;
using Eight = float __attribute__((vector_size(32)));
using EightBits = std::int32_t __attribute__((vector_size(32)));

HEADSCOPE_INLINE void exponentials(Eight& x) {
  constexpr float kMagic = 12582912.0f;
  const Eight zero{};
  const Eight low = zero - 87.0f;
  const Eight high = zero + 88.0f;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const Eight rounded = x * 1.44269504f + kMagic;
  const Eight n = rounded - kMagic;
  const Eight r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Eight p = zero + 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r) * r + r + 1.0f;
  x = (Eight)((EightBits)p + ((EightBits)rounded << 23));
}

HEADSCOPE_INLINE float total(const float* lanes) {
  float sum = 0.0f;
  for (std::size_t l = 0; l < kLanes; ++l) {
    sum += lanes[l];
  }
  return sum;
}

}  // namespace

HEADSCOPE_MULTIVERSION float row_largest(std::span<const float> s) {
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -std::numeric_limits<float>::infinity());
  std::size_t j = 0;
  for (; j + kLanes <= s.size(); j += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      lanes[l] = s[j + l] > lanes[l] ? s[j + l] : lanes[l];
    }
  }
  for (; j < s.size(); ++j) {
    lanes[0] = s[j] > lanes[0] ? s[j] : lanes[0];
  }
  return *std::max_element(lanes, lanes + kLanes);
}

HEADSCOPE_MULTIVERSION RowSums row_exponentials(std::span<float> s, float shift) {
  Eight sum{};
  Eight weighted{};
  Eight distant{};
  Eight distance{};
  const auto end = static_cast<float>(s.size()) - 1.0f;
  for (int l = 0; l < kEight; ++l) {
    distance[l] = end - static_cast<float>(l);
  }
  float* at = s.data();
  std::size_t j = 0;
  for (; j + kEight <= s.size(); j += kEight, at += kEight) {
    Eight x;
    std::memcpy(&x, at, sizeof x);
    x -= shift;
    Eight e = x;
    exponentials(e);
    std::memcpy(at, &e, sizeof e);
    sum += e;
    weighted += e * x;
    distant += e * distance;
    distance -= static_cast<float>(kEight);
  }
  for (; j < s.size(); ++j) {
    const float x = s[j] - shift;
    s[j] = exponential(x);
    sum[0] += s[j];
    weighted[0] += s[j] * x;
    distant[0] += s[j] * static_cast<float>(s.size() - 1 - j);
  }
  RowSums sums;
  for (int l = 0; l < kEight; ++l) {
    sums.sum += sum[l];
    sums.weighted += weighted[l];
    sums.distant += distant[l];
  }
  return sums;
}

HEADSCOPE_MULTIVERSION float row_sum(std::span<const float> e) {
  float lanes[kLanes] = {};
  std::size_t j = 0;
  for (; j + kLanes <= e.size(); j += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      lanes[l] += e[j + l];
    }
  }
  for (; j < e.size(); ++j) {
    lanes[0] += e[j];
  }
  return total(lanes);
}

HEADSCOPE_MULTIVERSION float row_dot(std::span<const float> e, const float* weights) {
  float lanes[kLanes] = {};
  std::size_t j = 0;
  for (; j + kLanes <= e.size(); j += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      lanes[l] += e[j + l] * weights[j + l];
    }
  }
  for (; j < e.size(); ++j) {
    lanes[0] += e[j] * weights[j];
  }
  return total(lanes);
}

HEADSCOPE_MULTIVERSION void row_add(std::span<const float> e, float factor, float* into) {
  for (std::size_t j = 0; j < e.size(); ++j) {
    into[j] += factor * e[j];
  }
}

HEADSCOPE_MULTIVERSION void row_softcap(std::span<float> s, float c) {
  for (float& each : s) {
    each = c - 2.0f * c / (exponential(2.0f * each / c) + 1.0f);
  }
}

HEADSCOPE_MULTIVERSION void row_alibi(std::span<float> s, float slope, float self) {
  for (std::size_t j = 0; j < s.size(); ++j) {
    s[j] -= slope * (self - static_cast<float>(j));
  }
}

std::int64_t row_strongest(std::span<const float> e, std::int64_t count, std::int64_t* index) {
  std::int64_t held = 0;
  float least = -std::numeric_limits<float>::infinity();
  for (std::size_t begin = 0; begin < e.size(); begin += 4 * kLanes) {
    const auto part = e.subspan(begin, std::min(4 * kLanes, e.size() - begin));
    if (held == count && row_largest(part) <= least) {
      continue;
    }
    for (std::size_t j = begin; j < begin + part.size(); ++j) {
      if (held == count && e[j] <= least) {
        continue;
      }
      std::int64_t place = held < count ? held++ : count - 1;
      for (; place > 0 && e[static_cast<std::size_t>(index[place - 1])] < e[j]; --place) {
        index[place] = index[place - 1];
      }
      index[place] = static_cast<std::int64_t>(j);
      least = e[static_cast<std::size_t>(index[held - 1])];
    }
  }
  return held;
}

}  // namespace headscope
