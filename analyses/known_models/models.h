// The list of known models: each is a function NAME_model() in a file of models/, and one line
// here.
#pragma once

#include "analyses/known_models/known_model.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_KNOWN_MODELS(LINE) \
  LINE(copy) \
  LINE(induction2) \
  LINE(duplicate) \
  LINE(ioi_toy) \
  LINE(successor) \
  LINE(grouped) \
  LINE(mlp_sum) \
  LINE(backup) \
  LINE(window) \
  LINE(histogram) \
  LINE(reverse) \
  LINE(sort) \
  LINE(fraction_previous) \
  LINE(brackets)
// clang-format on

#define HEADSCOPE_DECLARE(name) KnownModel name##_model();
HEADSCOPE_KNOWN_MODELS(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

}  // namespace headscope
