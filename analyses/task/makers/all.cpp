#include "analyses/task/makers/all.h"

#include <algorithm>

#include "analyses/task/maker.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {

std::span<const TaskMaker> all_task_makers() {
#define HEADSCOPE_MAKE(name) name##_maker(),
  static const std::vector<TaskMaker> makers{HEADSCOPE_TASK_MAKERS(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
  return makers;
}

const TaskMaker& task_maker(const std::string& name) {
  const auto makers = all_task_makers();
  const auto found = std::find_if(
      makers.begin(), makers.end(), [&](const TaskMaker& maker) { return maker.name == name; });
  if (found == makers.end()) {
    std::vector<std::string> names;
    for (const TaskMaker& maker : makers) {
      names.emplace_back(maker.name);
    }
    throw UsageError(
        "{}: no such task{} (headscope task list names them)", name, did_you_mean(name, names));
  }
  return *found;
}

}  // namespace headscope
