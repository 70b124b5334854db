#include "analyses/sweep/trace_words.h"

#include <fmt/format.h>

#include "lib/base/shell.h"

namespace headscope {

std::shared_ptr<const StoredRun> open_trace(const std::string& path) {
  return path.empty() ? nullptr : std::make_shared<const StoredRun>(path);
}

std::string record_task_words(const std::string& task, const TaskOptions& options) {
  std::string words = "--task " + shell_quoted(task);
  if (options.bos != PrependBos::automatic) {
    words += fmt::format(" --prepend-bos {}", to_string(options.bos));
  }
  return words + (options.unfit == TaskOptions::Unfit::skip ? " --skip-unfit" : "");
}

std::string record_task_words(const std::string& task,
                              const std::string& run,
                              const TaskOptions& options) {
  return fmt::format("{} --run {}", record_task_words(task, options), run);
}

}  // namespace headscope
