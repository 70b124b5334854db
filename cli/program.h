// The program: words in, exit code out.
#pragma once

namespace headscope {

// 0 done; 1 headscope is wrong; 2 the command is; 3 a file is; 4 the machine is short of something;
// 130 stopped by Ctrl-C. Every failure is one line on standard error.
int run_program(int argc, const char* const* argv);

// Ends the process with run_program()'s code and without what runs at exit: LibTorch takes its
// operators down, a third of a short command's time. By then everything of ours is closed and
// standard output is checked. A build with assertions or under a sanitizer ends as others do: what
// watches a program reports at exit.
[[noreturn]] void leave(int code);

}  // namespace headscope
