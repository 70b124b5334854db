// The list of studies: each is a function NAME_study(), and one line here.
#pragma once

#include "analyses/studies/study.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_STUDIES(LINE) \
  LINE(sae_circuits) \
  LINE(eap) \
  LINE(acdc)
// clang-format on

#define HEADSCOPE_DECLARE(name) Study name##_study();
HEADSCOPE_STUDIES(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

}  // namespace headscope
