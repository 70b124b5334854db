// The list of operators: each is a function NAME_operator(), and one line here.
#pragma once

#include "lib/attention/operators/operator_kind.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_OPERATORS(LINE) \
  LINE(streaming) \
  LINE(window) \
  LINE(arrow) \
  LINE(span) \
  LINE(shards) \
  LINE(dilated) \
  LINE(top_k) \
  LINE(threshold) \
  LINE(top_p) \
  LINE(block_pooled) \
  LINE(block_oracle) \
  LINE(chunks) \
  LINE(hip) \
  LINE(random) \
  LINE(razor) \
  LINE(softmax_off_by_one) \
  LINE(sigmoid) \
  LINE(relu) \
  LINE(linear) \
  LINE(rope_base) \
  LINE(rope_linear) \
  LINE(rope_ntk) \
  LINE(rope_yarn) \
  LINE(log_scale)
// clang-format on

#define HEADSCOPE_DECLARE(name) AttentionOperator name##_operator();
HEADSCOPE_OPERATORS(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

}  // namespace headscope
