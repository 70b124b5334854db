// A tap that hands every value it watches to a trace writer, prompt by prompt, padding cut off.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hooks/firing.h"
#include "hooks/trace/trace_writer.h"
#include "lib/model/tap.h"

namespace headscope {

class TraceTap final : public Tap {
 public:
  TraceTap(TraceWriter& writer, std::vector<HookPoint> points)
      : writer_(writer), points_(std::move(points)) {}

  // The prompts (indices into the trace) of the rows of the next pass.
  void set_rows(std::vector<std::size_t> prompts) { rows_ = std::move(prompts); }

  void begin(const ModelConfig&) override { firing_.expect(points_); }
  void end() override { firing_.check(); }
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return firing_.expects(point) ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override;

  // Queues one prompt's value, as it is.
  void write(std::size_t prompt, const std::string& dataset, const Tensor& value);

  [[nodiscard]] std::int64_t bytes() const { return bytes_; }

 private:
  TraceWriter& writer_;
  std::vector<HookPoint> points_;
  Firing firing_;
  std::vector<std::size_t> rows_;
  std::int64_t bytes_ = 0;
};

}  // namespace headscope
