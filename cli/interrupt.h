// Ctrl-C, or a scheduler's SIGTERM: work in progress ends at the next safe place; a second one ends
// it at once.
#pragma once

#include "lib/base/error.h"

namespace headscope {

// From here on the first Ctrl-C only asks.
void catch_interrupts();
bool interrupted();

}  // namespace headscope
