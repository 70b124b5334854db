// The list of tasks to train on: each is a function NAME_task() in the file tasks/NAME.cpp, and one
// line here.
#pragma once

#include "analyses/training/train_task.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_TRAIN_TASKS(LINE) \
  LINE(induction) \
  LINE(modular_addition) \
  LINE(bigram_backcopy) \
  LINE(mqar)
// clang-format on

#define HEADSCOPE_DECLARE(name) TrainTask name##_task();
HEADSCOPE_TRAIN_TASKS(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

}  // namespace headscope
