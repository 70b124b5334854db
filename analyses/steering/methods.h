// The list of steering methods: each is a function NAME_method() in the file methods/NAME.cpp, and
// one line here.
#pragma once

#include "analyses/steering/steer_method.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_STEER_METHODS(LINE) \
  LINE(mean_diff) \
  LINE(pca) \
  LINE(iti) \
  LINE(knockout) \
  LINE(scale) \
  LINE(temperature) \
  LINE(function_vector) \
  LINE(boost) \
  LINE(lofit) \
  LINE(vhr) \
  LINE(pasta) \
  LINE(act) \
  LINE(low_rank) \
  LINE(successor_shift)
// clang-format on

#define HEADSCOPE_DECLARE(name) SteerMethod name##_method();
HEADSCOPE_STEER_METHODS(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

}  // namespace headscope
