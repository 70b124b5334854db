#include <fmt/ranges.h>

#include "analyses/training/tasks.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {

std::span<const TrainTask> all_train_tasks() {
#define HEADSCOPE_MAKE(name) name##_task(),
  static const std::vector<TrainTask> tasks{HEADSCOPE_TRAIN_TASKS(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
  return tasks;
}

const TrainTask& train_task(std::string_view name, const std::string& where) {
  std::vector<std::string> names;
  for (const TrainTask& task : all_train_tasks()) {
    if (task.name == name) {
      return task;
    }
    names.emplace_back(task.name);
  }
  throw DataError("{}: no task to train on is called \"{}\"{}; there are {}",
                  where,
                  name,
                  did_you_mean(std::string(name), names),
                  fmt::join(names, ", "));
}

std::int64_t integer_between(ConfigFields& fields,
                             std::string_view name,
                             std::int64_t fallback,
                             std::int64_t low,
                             std::int64_t high) {
  const std::int64_t value = fields.integer(name, fallback);
  if (value < low || value > high) {
    throw DataError(
        "{}: \"{}\" is {}; it lies between {} and {}", fields.where(), name, value, low, high);
  }
  return value;
}

}  // namespace headscope
