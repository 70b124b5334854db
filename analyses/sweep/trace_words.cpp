#include "analyses/sweep/trace_words.h"

#include <fmt/format.h>

#include "lib/base/shell.h"

namespace headscope {

std::shared_ptr<const StoredRun> open_trace(const std::string& path) {
  return path.empty() ? nullptr : std::make_shared<const StoredRun>(path);
}

std::string record_task_words(const std::string& task, PrependBos bos) {
  std::string words = "--task " + shell_quoted(task);
  if (bos != PrependBos::automatic) {
    words += fmt::format(" --prepend-bos {}", to_string(bos));
  }
  return words;
}

std::string record_task_words(const std::string& task, const std::string& run, PrependBos bos) {
  return fmt::format("{} --run {}", record_task_words(task, bos), run);
}

}  // namespace headscope
