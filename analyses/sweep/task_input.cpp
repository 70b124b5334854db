#include "analyses/sweep/task_input.h"

#include <fmt/format.h>

#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/warning.h"
#include "lib/model/mask_token.h"

namespace headscope {
namespace {

// Where a masked-token model is asked: at the span "mask", or at the one [MASK].
std::int64_t asked_at(const TaskItem& item, const Model& model, const std::string& path) {
  const auto named = item.clean.spans.find("mask");
  if (named != item.clean.spans.end() && named->second.end == named->second.begin + 1) {
    const auto other = item.corrupted.spans.find("mask");
    const bool elsewhere =
        other != item.corrupted.spans.end() &&
        (other->second.begin != named->second.begin || other->second.end != named->second.end);
    if (elsewhere ||
        named->second.begin >= static_cast<std::int64_t>(item.corrupted.tokens.size())) {
      throw DataError(
          "{}: item {}: the span \"mask\" lies elsewhere in its corrupted prompt", path, item.id);
    }
    return named->second.begin;
  }
  const std::int64_t clean = position_of_mask(model, item.clean.tokens);
  if (clean < 0 || clean != position_of_mask(model, item.corrupted.tokens)) {
    throw DataError(
        "{}: item {}: this model predicts the token at a [MASK], and its prompts have not one each "
        "in one place; put one in, or name the token to read at with a span \"mask\"",
        path,
        item.id);
  }
  return clean;
}

}  // namespace

Task task_for(const Model& model, const std::string& path, const TaskOptions& options) {
  const Tokenizer* tokenizer = model.has_tokenizer() ? &model.tokenizer() : nullptr;
  Task task = read_task(path, tokenizer, model.config().n_ctx, model.config().d_vocab, options);
  if (model.config().head == OutputHead::masked_lm) {
    for (TaskItem& item : task.items) {
      item.read_at = asked_at(item, model, path);
    }
  }
  if (task.skipped > 0) {
    warn(fmt::format(
        "{}: {} left out: they do not fit this model", path, counted(task.skipped, "item")));
  }
  return task;
}

}  // namespace headscope
