// A linear probe on every head's output.
#pragma once

#include <cstdint>
#include <vector>

#include "analyses/steering/linear_probe.h"
#include "analyses/steering/steer_data.h"
#include "lib/base/head_scores.h"
#include "lib/model/model.h"

namespace headscope {

struct HeadProbes {
  HeadScores accuracy;              // on validation examples
  HeadScores ranking;               // the same, ties by the probe's likelihood there
  std::vector<LinearProbe> probes;  // by the head's place in the grid
  Tensor z{};                       // [N, n_layers, n_heads, d_head] f64 of all examples
  std::vector<bool> positive{};

  // Where a head's direction comes from: the difference of the means of its two classes, or the
  // weights of its probe.
  enum class DirectionOf { means, weights };

  // σ · θ [d_head] f32: θ the unit vector from the mean of negative to that of positive z, or of
  // the probe's weights; σ the standard deviation of z · θ.
  [[nodiscard]] Tensor direction(const HeadId& head, DirectionOf of) const;
};

// Probes are fitted to four fifths of the items, drawn by the seed, and judged on the others.
HeadProbes fit_head_probes(const Model& model, const SteerData& data, std::uint64_t seed);

// The accuracy of these heads' probes on other data, averaged over them.
double mean_probe_accuracy(const Model& model,
                           const HeadProbes& probes,
                           const std::vector<HeadId>& heads,
                           const SteerData& data);

}  // namespace headscope
