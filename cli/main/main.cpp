#include <malloc.h>

#include "cli/program.h"

namespace {

// Each layer allocates tensors of the sizes the last one freed. By default glibc gives large blocks
// back to the kernel at once, which must then clear the pages again: a fifth of a recording's time.
void keep_freed_tensors() {
  ::mallopt(M_MMAP_THRESHOLD, 256 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_tensors();
  headscope::leave(headscope::run_program(argc, argv));
}
