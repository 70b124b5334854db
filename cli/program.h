// The program: words in, exit code out.
#pragma once

namespace headscope {

// 0 done; 1 headscope is wrong; 2 the command is; 3 a file is; 4 the machine is short of something;
// 130 stopped by Ctrl-C. Every failure is one line on standard error.
int run_program(int argc, const char* const* argv);

}  // namespace headscope
