#include "lib/base/run.h"

#include "lib/base/error.h"

namespace headscope {

std::string to_string(Run run) {
  return run == Run::clean ? "clean" : "corrupted";
}

Run parse_run(std::string_view text) {
  for (const Run run : {Run::clean, Run::corrupted}) {
    if (text == to_string(run)) {
      return run;
    }
  }
  throw UsageError("a run is clean or corrupted, not '{}'", text);
}

const std::vector<std::string>& run_names() {
  static const std::vector<std::string> names{to_string(Run::clean), to_string(Run::corrupted)};
  return names;
}

}  // namespace headscope
