#include "analyses/sweep/task_input.h"

#include <fmt/format.h>

#include "lib/base/warning.h"

namespace headscope {

Task task_for(const Model& model, const std::string& path, const TaskOptions& options) {
  const Tokenizer* tokenizer = model.has_tokenizer() ? &model.tokenizer() : nullptr;
  Task task = read_task(path, tokenizer, model.config().n_ctx, model.config().d_vocab, options);
  if (task.skipped > 0) {
    warn(fmt::format("{}: {} items do not fit this model and are left out", path, task.skipped));
  }
  return task;
}

}  // namespace headscope
