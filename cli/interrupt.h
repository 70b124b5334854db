// Ctrl-C, or a scheduler's SIGTERM: work in progress ends at the next safe place; a second one ends
// it at once.
#pragma once

#include <exception>

namespace headscope {

// From here on the first Ctrl-C only asks.
void catch_interrupts();
bool interrupted();

// Thrown where work stopped because the user asked; the program exits with 130.
struct Interrupted : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

}  // namespace headscope
