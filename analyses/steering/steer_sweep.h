// Edits at several strengths: effect against side effects, kept line by line so that a run goes on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analyses/steering/steer_eval.h"
#include "hooks/stored/line_log.h"
#include "lib/base/json.h"

namespace headscope {

// The edits at `strength`: 0 leaves the model as it is, 1 is as written. The factor of add and bias
// is multiplied by it; scale and calibrate_sinks multiply by 1 + strength · (factor − 1), and zero,
// which is scale by 0, by 1 − strength; that of temperature and renormalize is raised to it. Throws
// UsageError for an op between which and nothing there is no more or less.
std::vector<Intervention> at_strength(const std::vector<Intervention>& edits, double strength);

// The edits with the first `rank` directions of each low_rank alone, as values of their own. Throws
// UsageError for another op, or where there are not as many directions.
ControlEdits at_rank(const Model& model, const std::vector<Intervention>& edits, std::int64_t rank);

// "-2:2:0.5" → −2, −1.5, … 2; "1,2,4" → those. UsageError for anything else, or more than 1,000.
std::vector<double> parse_strengths(const std::string& text);

// What a sweep has measured, a line a strength (hooks/stored/line_log.h), so that a run that was
// stopped goes on.
class SteerSweepLog {
 public:
  struct Options {
    IfExists if_exists = IfExists::fail;
    std::string over = "strength";  // or "rank": what the sweep goes over, a key of each line
  };
  // Goes on with what is there (IfExists::resume) if it is of the same `identity`. An empty path
  // keeps nothing. Throws what LineLog does.
  SteerSweepLog(const std::filesystem::path& path, const Json& identity, const Options& options);

  [[nodiscard]] const std::vector<Json>& lines() const { return lines_; }
  [[nodiscard]] bool has(double place) const;  // a strength or a rank
  // On disk when it returns.
  void add(double place, const SteerEval& eval);

 private:
  std::string over_;
  std::optional<LineLog> log_;
  std::vector<Json> lines_;
};

}  // namespace headscope
