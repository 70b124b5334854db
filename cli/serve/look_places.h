// Some heads and positions of a hook point's value, for a look.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/model/site.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct LookPlaces {
  std::optional<std::vector<std::int64_t>> heads{};      // or KV heads, where a point has those
  std::optional<std::vector<std::int64_t>> positions{};  // from the end where negative
};

// How many numbers a point's value of one prompt of `tokens` tokens has, whole and at the places.
struct LookSize {
  std::int64_t whole = 0;
  std::int64_t told = 0;
};
LookSize look_size(HookPoint point,
                   const LookPlaces& places,
                   std::int64_t tokens,
                   const ModelConfig& config);

// The part of `value`, axes as info(site).axes says without the batch. Throws UsageError naming the
// point if it has no such axis, or no such head or position.
Tensor at_places(const Tensor& value, HookPoint point, const LookPlaces& places);

}  // namespace headscope
