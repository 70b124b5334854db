// The two runs of a task's pairs of prompts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headscope {

// Of the clean prompt, which has the answer, and of the corrupted one, which has not.
enum class Run { clean, corrupted };

constexpr Run other_run(Run run) {
  return run == Run::clean ? Run::corrupted : Run::clean;
}

std::string to_string(Run run);  // "clean", "corrupted"

// Reads what to_string() gives. Throws UsageError for anything else.
Run parse_run(std::string_view text);

const std::vector<std::string>& run_names();  // of both, for options to choose from

}  // namespace headscope
