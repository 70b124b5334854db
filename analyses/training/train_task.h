// What models are trained on from scratch: rows of tokens made by a rule, with what is to be said.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/random.h"
#include "lib/families/config_fields.h"

namespace headscope {

// A kind of position whose loss is told apart from others'.
struct TrainGroup {
  std::string name;
  double weight = 1.0;  // of each of its positions in the loss that is minimised; 0: only told
};

// Rows of one length, [rows, length] flattened.
struct TrainRows {
  std::int64_t rows = 0;
  std::vector<std::int32_t> tokens;  // what the model reads
  std::vector<std::int32_t> labels;  // what it is to say there; −1: nothing
  std::vector<std::int32_t> groups;  // index into TrainData::groups(), where there is a label
};

// Where rows come from.
class TrainData {
 public:
  virtual ~TrainData() = default;

  // The vocabulary; its first word begins every row.
  [[nodiscard]] virtual std::vector<std::string> words() const = 0;
  [[nodiscard]] virtual std::int64_t length() const = 0;  // tokens of a row
  [[nodiscard]] virtual std::vector<TrainGroup> groups() const = 0;

  // Rows of one step, from nothing but `random`. `rows` 0: all there are (where finite()).
  [[nodiscard]] virtual TrainRows draw(Random& random, std::int64_t rows) const = 0;

  // Whether there is a whole set of rows, fixed by the task's seed.
  [[nodiscard]] virtual bool finite() const { return false; }
  // Rows that draw() never gives; none where every draw is new.
  [[nodiscard]] virtual std::optional<TrainRows> held_out() const { return std::nullopt; }
};

struct TrainTask {
  std::string_view name;
  std::string_view summary;
  std::string_view source;
  // Reads the fields of "task" in a spec. DataError for values that do not fit together.
  std::unique_ptr<TrainData> (*make)(ConfigFields& fields, std::uint64_t seed);
};

// The list; a new task is a file in tasks/ and a line here (train_tasks.cpp).
std::span<const TrainTask> all_train_tasks();

// DataError naming near ones; `where` opens it.
const TrainTask& train_task(std::string_view name, const std::string& where);

// `value` of the field `name` of a task; DataError unless it lies in [low, high].
std::int64_t integer_between(ConfigFields& fields,
                             std::string_view name,
                             std::int64_t fallback,
                             std::int64_t low,
                             std::int64_t high);

}  // namespace headscope
