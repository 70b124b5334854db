// A tap that hands every value it watches to a trace writer, padding cut off, a batch of prompts at
// a time.
#pragma once

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
  void set_rows(std::vector<std::size_t> prompts);
  // The same in ascending order.
  [[nodiscard]] const std::vector<std::size_t>& prompts() const { return prompts_; }

  void begin(const ModelConfig&) override { firing_.expect(points_); }
  void end() override { firing_.check(); }
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return firing_.expects(point) ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override;

  // Queues a value of the whole batch, axes as info(visit.point.site).axes says, as `dataset`. It
  // is kept until it is written, not copied, where its memory is as the trace's.
  void write(const std::string& dataset, const Visit& visit, const Tensor& value);

  // Queues one value a row of the pass, in the rows' order, padding cut off already.
  void write_each(const std::string& dataset, const std::vector<Tensor>& values);

  [[nodiscard]] std::int64_t bytes() const { return bytes_; }

 private:
  void queue(const std::string& dataset, const Tensor& packed);

  TraceWriter& writer_;
  std::vector<HookPoint> points_;
  Firing firing_;
  std::vector<std::size_t> rows_;
  std::vector<std::size_t> order_;    // of the rows, by prompt: neighbours are written together
  std::vector<std::size_t> prompts_;  // rows_ in that order
  std::int64_t bytes_ = 0;
};

}  // namespace headscope
