#include "analyses/sweep/task_input.h"

#include <fmt/format.h>

#include "lib/base/counted.h"
#include "lib/base/warning.h"

namespace headscope {

Task task_for(const Model& model, const std::string& path, const TaskOptions& options) {
  const Tokenizer* tokenizer = model.has_tokenizer() ? &model.tokenizer() : nullptr;
  Task task = read_task(path, tokenizer, model.config().n_ctx, model.config().d_vocab, options);
  if (task.skipped > 0) {
    warn(fmt::format(
        "{}: {} left out: they do not fit this model", path, counted(task.skipped, "item")));
  }
  return task;
}

}  // namespace headscope
