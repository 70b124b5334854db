// A sweep's values in a result file.
#pragma once

#include "analyses/sweep/sweep_sink.h"

namespace headscope {

class StoreSink final : public SweepSink {
 public:
  explicit StoreSink(ResultStore& store) : store_(store) {}
  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const override {
    return store_.done(cell, prompt);
  }
  void put(const std::vector<ResultStore::Value>& values) override { store_.put(values); }
  void put_baseline(Run run, const std::vector<double>& per_prompt) override {
    // A resumed file keeps its own: other batches round otherwise in the last bit.
    if (store_.baseline(run).empty()) {
      store_.put_baseline(run, per_prompt);
    }
  }

 private:
  ResultStore& store_;
};

}  // namespace headscope
