// Keys drawn at random, the same wherever a query is computed: draws are a hash of seed, layer,
// query and key, so that batches, caches and chunks draw alike.
#pragma once

#include <cstdint>
#include <memory>

#include "lib/attention/head_operator.h"

namespace headscope {

struct KeyDraw {
  std::uint64_t seed = 0;
  std::int64_t layer = 0;
};

// The `count` keys drawn for each query among those whose scores are not −∞, [B, h, T, S] bool; all
// where it sees fewer. `count` [B or 1, h or 1, T or 1, 1] int64. All heads draw the same order.
Tensor drawn_keys(const OperatorInputs& in,
                  const Tensor& scores,
                  const Tensor& count,
                  const KeyDraw& draw);

// The control of a selection: for each query as many keys as `of` leaves it, drawn at random.
std::shared_ptr<const HeadOperator> as_many_at_random(std::shared_ptr<const HeadOperator> of,
                                                      const KeyDraw& draw);

}  // namespace headscope
