// What an exception means to the user.
#pragma once

#include <string>

namespace headscope {

struct Failure {
  int exit_code = 1;
  std::string message;  // one line
};

// Of the exception being handled.
Failure describe_current_exception();

}  // namespace headscope
