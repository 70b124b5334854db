// The loops over one row of scores that statistics_cpu.cpp spends its time in.
#pragma once

#include <cstdint>
#include <span>

namespace headscope {

struct RowSums {
  float sum = 0.0f;       // Σ e
  float weighted = 0.0f;  // Σ e · (s − shift)
  float distant = 0.0f;   // Σ e · distance from the row's end
};

float row_largest(std::span<const float> s);

// In place s → e = exp(s − shift).
RowSums row_exponentials(std::span<float> s, float shift);

float row_sum(std::span<const float> e);
float row_dot(std::span<const float> e, const float* weights);
void row_add(std::span<const float> e, float factor, float* into);  // into += factor · e

// In place: c·tanh(s / c).
void row_softcap(std::span<float> s, float c);

// In place: s[j] −= slope · (self − j).
void row_alibi(std::span<float> s, float slope, float self);

// The indices of the `count` largest, largest first, ties by index; fewer where the row is shorter.
// Returns how many.
std::int64_t row_strongest(std::span<const float> e, std::int64_t count, std::int64_t* index);

}  // namespace headscope
