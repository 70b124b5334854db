// Torch on one thread: for tiny tensors, where on a busy machine threads that wait for each other
// take a hundred times as long as the work.
#pragma once

#include <ATen/Parallel.h>

namespace headscope::test {

class OneThread {
 public:
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = at::get_num_threads();
};

}  // namespace headscope::test
