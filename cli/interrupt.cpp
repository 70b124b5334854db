#include "cli/interrupt.h"

#include <csignal>

namespace headscope {
namespace {

volatile std::sig_atomic_t asked = 0;

extern "C" void note_interrupt(int /*signal*/) {
  asked = 1;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);  // the second one kills
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);  // what schedulers and timeout(1) send
}

bool interrupted() {
  return asked != 0;
}

}  // namespace headscope
