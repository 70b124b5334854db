// Where a sweep's values go.
#pragma once

#include <cstdint>
#include <vector>

#include "analyses/results/result_store.h"

namespace headscope {

class SweepSink {
 public:
  virtual ~SweepSink() = default;
  [[nodiscard]] virtual bool done(std::int64_t cell, std::int64_t prompt) const = 0;
  // Kept for good when it returns.
  virtual void put(const std::vector<ResultStore::Value>& values) = 0;
  virtual void put_baseline(Run run, const std::vector<double>& per_prompt) = 0;
};

// In memory, for results that are used at once.
class SweepTable final : public SweepSink {
 public:
  SweepTable(std::int64_t cells, std::int64_t prompts);

  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const override;
  void put(const std::vector<ResultStore::Value>& values) override;
  void put_baseline(Run run, const std::vector<double>& per_prompt) override;

  [[nodiscard]] double value(std::int64_t cell, std::int64_t prompt) const;
  [[nodiscard]] double mean(std::int64_t cell) const;                          // over prompts
  [[nodiscard]] const std::vector<double>& values() const { return values_; }  // [cells, prompts]
  [[nodiscard]] const std::vector<double>& baseline(Run run) const {           // empty if not put
    return run == Run::clean ? clean_ : corrupted_;
  }
  [[nodiscard]] const std::vector<double>& clean() const { return clean_; }
  [[nodiscard]] const std::vector<double>& corrupted() const { return corrupted_; }

 private:
  std::int64_t prompts_;
  std::vector<double> values_;  // NaN: not done
  std::vector<double> clean_, corrupted_;
};

}  // namespace headscope
