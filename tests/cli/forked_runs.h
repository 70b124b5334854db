// Runs of the program without its start. Loading LibTorch and its operators takes 0.4 CPU-seconds,
// which is nearly all that most runs of these tests take; headscope_forked (forked_main.cpp) pays
// it once and forks for every run.
#pragma once

#include <string>
#include <vector>

namespace headscope::test {

// Runs the program with `words`, its output in the files `out` and `err`; what waitpid() says of
// how it ended. Standard input, folder and environment are the test's. Throws std::runtime_error if
// there is no headscope_forked to ask.
int forked_run(const std::vector<std::string>& words,
               const std::string& out,
               const std::string& err);

}  // namespace headscope::test
