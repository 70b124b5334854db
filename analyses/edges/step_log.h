// A long calculation as steps in a fixed order, each a list of numbers that is kept: one that was
// stopped or killed asks for the same steps again, and those that were kept are not run.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "hooks/stored/line_log.h"

namespace headscope {

class StepLog {
 public:
  StepLog() = default;  // keeps nothing

  // Makes the file, or goes on with it (IfExists::resume). `identity`: all that the numbers depend
  // on. Throws what LineLog does, and DataError for a line that is no list of numbers.
  StepLog(const std::filesystem::path& path, const Json& identity, IfExists if_exists);

  // The next step's `size` numbers: those that were kept, or `compute()`, on disk when it returns.
  // Throws DataError if another number of them was kept.
  std::vector<double> step(std::size_t size, const std::function<std::vector<double>()>& compute);

  // Steps that an earlier run left and that were not asked for yet.
  [[nodiscard]] std::size_t left() const { return kept_.size() - next_; }

  // Removes the file: what it was for is done.
  void discard();

 private:
  std::filesystem::path path_;
  std::optional<LineLog> log_;
  std::vector<std::vector<double>> kept_;
  std::size_t next_ = 0;
};

}  // namespace headscope
