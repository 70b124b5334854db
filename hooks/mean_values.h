// Means of values over what passes show: what replaces a value in mean ablation.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "lib/model/tap.h"

namespace headscope {

// Adds up, in double precision, over as many passes as it watches.
class MeanValues final : public Tap {
 public:
  // positions: over prompts and their own tokens, padding left out, [heads …]. prompts: over
  // prompts of one length, position by position, [T, heads …].
  enum class Over { positions, prompts };

  // Of every layer that has the sites; their values begin with axes for batch and position.
  MeanValues(std::vector<Site> sites, Over over) : sites_(std::move(sites)), over_(over) {}

  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;

  // The same for a value that no pass shows, of a trace for example. Both throw UsageError for a
  // site without positions, or, over prompts, for other lengths than before.
  void add(HookPoint point, const Tensor& value, const BatchLayout& layout);

  // f64 on the model's device. UsageError if no pass showed it.
  [[nodiscard]] Tensor mean(Site site, int layer) const;

 private:
  struct Sum {
    Tensor values;
    std::int64_t count = 0;  // of positions, or of prompts
  };
  std::vector<Site> sites_;
  Over over_;
  std::map<std::pair<Site, int>, Sum> sums_;
};

}  // namespace headscope
