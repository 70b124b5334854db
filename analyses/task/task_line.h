// One line of a task file.
#pragma once

#include <string>
#include <string_view>

#include "analyses/task/task.h"
#include "lib/text/line_fields.h"

namespace headscope {

inline constexpr JsonlKind kTaskLines{.named = "the task",
                                      .said = "a task is",
                                      .object = "an item is a JSON object, {\"clean\": \"…\", …}"};

struct TaskLineContext {
  const Tokenizer* tokenizer = nullptr;  // may be missing: lines then hold tokens
  std::int64_t n_ctx = 0;
  std::int64_t d_vocab = 0;
  PrependBos bos = PrependBos::automatic;
};

// `where` (path:line) opens every message. Throws UnfitItem (a DataError) for what another
// tokenizer or model may take, DataError for what none can. The id is empty if the line has none.
TaskItem parse_task_line(std::string_view line,
                         const TaskLineContext& context,
                         const std::string& where);

}  // namespace headscope
