// The list of detectors, in the order of tables and pages: each is a function NAME_detector() in
// the file detectors/NAME.cpp, and one line here.
#pragma once

#include "analyses/head_detectors/detector.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_DETECTORS(LINE) \
  LINE(previous_token) \
  LINE(duplicate_token) \
  LINE(induction) \
  LINE(echo) \
  LINE(echo_induction) \
  LINE(first_token_sink) \
  LINE(column_sinks) \
  LINE(dormant) \
  LINE(local) \
  LINE(streaming) \
  LINE(delimiter) \
  LINE(subject) \
  LINE(name_mover) \
  LINE(negative_mover) \
  LINE(letter_mover) \
  LINE(retrieval) \
  LINE(arithmetic) \
  LINE(copying) \
  LINE(copying_score) \
  LINE(copy_suppression) \
  LINE(successor) \
  LINE(induction_copying) \
  LINE(composition) \
  LINE(value_drain) \
  LINE(importance) \
  LINE(ablation) \
  LINE(entropy) \
  LINE(distance) \
  LINE(next_token)
// clang-format on

#define HEADSCOPE_DECLARE(name) Detector name##_detector();
HEADSCOPE_DETECTORS(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

}  // namespace headscope
