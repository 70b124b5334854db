// What /metrics tells, in the text format of Prometheus.
// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "cli/api/engine.h"

namespace headscope {

// Answers given so far, by path and status. Safe to use from several threads.
class AnswerCounts {
 public:
  void add(std::string_view route, int status);
  [[nodiscard]] std::map<std::pair<std::string, int>, std::int64_t> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> counts_;
};

struct MetricsNow {
  EngineCounts engine{};
  std::size_t directions = 0;
  std::int64_t resident_bytes = 0;
};
std::string metrics_text(const AnswerCounts& answers, const MetricsNow& now);

}  // namespace headscope
