// Samples of niah as they are finished, a JSON line each, so that a run that was stopped goes on.
#pragma once

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "analyses/retrieval/retrieval.h"
#include "lib/base/json.h"

namespace headscope {

// A finished sample by what it is of, not by its place in some run's lists.
struct LoggedSample {
  std::string mask;
  std::string prompt;
  RetrievalSample sample;
};

class NiahLog {
 public:
  enum class Mode { fresh, resume };

  // An empty path keeps no log. Mode::resume reads what is there, a torn last line left out, and
  // goes on behind it; throws DataError for a file that is no such log, UsageError naming what
  // differs if it is of other `identity`.
  NiahLog(std::filesystem::path path, Json identity, Mode mode);

  [[nodiscard]] const std::vector<LoggedSample>& found() const { return found_; }
  [[nodiscard]] bool has(const std::string& mask, const std::string& prompt) const {
    return keys_.contains({mask, prompt});
  }

  // ResourceError if it cannot be written. On disk when it returns.
  void add(const LoggedSample& sample);

 private:
  void open(std::ios::openmode how);
  bool read();  // false: the last line is torn
  void write(const std::string& line);

  std::filesystem::path path_;
  Json identity_;
  std::vector<LoggedSample> found_;
  std::set<std::pair<std::string, std::string>> keys_;
  std::ofstream file_;
};

}  // namespace headscope
