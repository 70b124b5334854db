#include "cli/program.h"

int main(int argc, char** argv) {
  return headscope::run_program(argc, argv);
}
