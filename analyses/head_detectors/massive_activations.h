// Single numbers of the residual stream that dwarf all others.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// |x| > 100 and at least 1,000 times the median |x| of the prompt's stream (Sun et al. 2024,
// arXiv:2402.17762, section 2).
inline constexpr double kMassive = 100.0;
inline constexpr double kMassiveTimesMedian = 1000.0;

struct MassiveActivation {
  std::int64_t dim = 0;
  std::int64_t token = 0;  // its place in the prompt
  std::int64_t prompts = 0;
  double largest = 0.0;  // with its sign
};

// Of the stream behind a block, over prompts.
struct LayerActivations {
  std::array<double, 3> largest{};         // mean over prompts of the three largest |x|
  double median = 0.0;                     // and of the median |x|
  double first_norm = 0.0;                 // mean ‖x‖ of the first token
  double other_norm = 0.0;                 // and of the others
  std::vector<MassiveActivation> massive;  // those of most prompts first
};

// One a layer. Prompts of one length, of two tokens or more.
std::vector<LayerActivations> massive_activations(
    const Model& model, const std::vector<std::vector<std::int32_t>>& prompts);

}  // namespace headscope
