#include <fstream>
#include <map>

#include "analyses/task/in_context.h"
#include "analyses/task/task.h"
#include "analyses/task/task_line.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::ifstream open(const std::filesystem::path& jsonl) {
  std::error_code ignored;  // opening the file reports whatever else is wrong
  if (std::filesystem::is_directory(jsonl, ignored)) {
    throw DataError("{}: is a directory; a task is one JSONL file", jsonl.string());
  }
  std::ifstream file(jsonl);
  if (!file) {
    throw DataError("{}: cannot open the task", jsonl.string());
  }
  return file;
}

// Non-blank lines and where they are.
template <typename Use>
void for_each_line(const std::filesystem::path& jsonl, const Use& use) {
  std::ifstream file = open(jsonl);
  std::string text;
  for (std::int64_t number = 1; std::getline(file, text); ++number) {
    if (text.find_first_not_of(" \t\r") != std::string::npos) {
      use(text, fmt::format("{}:{}", jsonl.string(), number));
    }
  }
  if (file.bad()) {
    throw DataError("{}: cannot be read to its end", jsonl.string());
  }
}

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
  std::map<std::string, std::string> line_of_id;
  std::string first_unfit;
  for_each_line(jsonl, [&](const std::string& text, const std::string& where) {
    try {
      TaskItem item = parse_task_line(text, context, where);
      if (item.id.empty()) {
        item.id = std::to_string(task.items.size() + task.skipped);
      }
      const auto [first, is_new] = line_of_id.emplace(item.id, where);
      if (!is_new) {
        throw DataError("{}: the id \"{}\" is that of {}; give each item its own",
                        where,
                        item.id,
                        first->second);
      }
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
