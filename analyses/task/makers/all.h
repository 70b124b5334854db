// The list of task makers: each is a function NAME_maker() in the file NAME.cpp, and one line here.
#pragma once

#include "analyses/task/maker.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_TASK_MAKERS(LINE) \
  LINE(ioi) \
  LINE(greater_than) \
  LINE(docstring) \
  LINE(colored_objects) \
  LINE(gendered_pronouns) \
  LINE(capitals) \
  LINE(successor) \
  LINE(arithmetic) \
  LINE(multiple_choice) \
  LINE(acronyms) \
  LINE(induction) \
  LINE(key_retrieval)
// clang-format on

#define HEADSCOPE_DECLARE(name) TaskMaker name##_maker();
HEADSCOPE_TASK_MAKERS(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

}  // namespace headscope
