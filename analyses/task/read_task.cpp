#include "analyses/task/in_context.h"
#include "analyses/task/task.h"
#include "analyses/task/task_line.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

void name_prompts(TaskItem& item) {
  item.clean.id = item.id + "/clean";
  item.corrupted.id = item.id + "/corrupted";
}

}  // namespace

Task read_task(const std::filesystem::path& jsonl,
               const Tokenizer* tokenizer,
               std::int64_t n_ctx,
               std::int64_t d_vocab,
               const TaskOptions& options) {
  const TaskLineContext context{tokenizer, n_ctx, d_vocab, options.bos};
  Task task{.name = jsonl.stem().string(), .items = {}, .hash = {}, .skipped = 0};
  LineIds ids;
  std::string first_unfit;
  for_each_line(jsonl, kTaskLines, [&](const std::string& text, const std::string& where) {
    try {
      TaskItem item = parse_task_line(text, context, where);
      if (item.id.empty()) {
        item.id = std::to_string(task.items.size() + task.skipped);
      }
      ids.add(item.id, where, "item");
      name_prompts(item);
      task.items.push_back(std::move(item));
    } catch (const UnfitItem& unfit) {
      if (options.unfit == TaskOptions::Unfit::fail) {
        throw UnfitItem("{} (--skip-unfit leaves such lines out)", unfit.what());
      }
      first_unfit = task.skipped++ == 0 ? unfit.what() : first_unfit;
    }
  });
  if (task.items.empty()) {
    throw first_unfit.empty()
        ? DataError("{}: no items", jsonl.string())
        : DataError("{}; none of {} lines fits this model", first_unfit, task.skipped);
  }
  task.hash = hash_of(task.items);
  return task;
}

}  // namespace headscope
