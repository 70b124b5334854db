// Samples of niah as they are finished, a line each (hooks/stored/line_log.h), so that a run that
// was stopped goes on.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "analyses/retrieval/retrieval.h"
#include "hooks/stored/line_log.h"
#include "lib/base/json.h"

namespace headscope {

// A finished sample by what it is of, not by its place in some run's lists.
struct LoggedSample {
  std::string mask;
  std::string prompt;
  RetrievalSample sample;
};

// As a line of the log has it: every number to its last bit.
Json to_json(const LoggedSample& logged);
// Throws a Json::exception or std::logic_error for what to_json() never made.
LoggedSample logged_sample_of(const Json& json);

class NiahLog {
 public:
  // An empty path keeps no log. Goes on with what is there (IfExists::resume) if it is of the same
  // `identity`; throws what LineLog does, and DataError for a line that is no sample.
  NiahLog(const std::filesystem::path& path, const Json& identity, IfExists if_exists);

  [[nodiscard]] const std::vector<LoggedSample>& found() const { return found_; }
  [[nodiscard]] bool has(const std::string& mask, const std::string& prompt) const {
    return keys_.contains({mask, prompt});
  }

  // ResourceError if it cannot be written. On disk when it returns.
  void add(const LoggedSample& sample);

 private:
  std::optional<LineLog> lines_;
  std::vector<LoggedSample> found_;
  std::set<std::pair<std::string, std::string>> keys_;
};

}  // namespace headscope
