// What watches heads while a prompt is decoded.
#pragma once

#include <vector>

#include "lib/model/tap.h"

namespace headscope {

// Of passes of one column: the strongest keys of every head's row, as columns of the batch.
class TopKeysTap final : public Tap {
 public:
  explicit TopKeysTap(std::int64_t top_k) : top_k_(top_k) {}

  void begin(const ModelConfig&) override { layers_.clear(); }
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::pattern ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override;

  // Of the latest pass, [rows, n_layers, n_heads, top_k] int64 on the CPU.
  [[nodiscard]] Tensor keys() const;

 private:
  std::int64_t top_k_;
  std::vector<Tensor> layers_;  // [rows, n_heads, top_k]
};

}  // namespace headscope
