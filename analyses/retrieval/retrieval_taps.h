// What watches and what masks heads while a prompt is decoded.
#pragma once

#include <vector>

#include "analyses/retrieval/head_mask.h"
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

// Masks the heads of `masked` ([n_layers][rows, n_heads], undefined: none of that layer).
class MaskTap final : public Tap {
 public:
  // `means` [n_layers][n_heads, d_head]: of MaskMode::mean alone.
  MaskTap(MaskMode mode, std::vector<Tensor> masked, std::vector<Tensor> means = {})
      : mode_(mode), masked_(std::move(masked)), means_(std::move(means)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;

 private:
  MaskMode mode_;
  std::vector<Tensor> masked_;
  std::vector<Tensor> means_;
};

// Sums z over positions.
class MeanOutputTap final : public Tap {
 public:
  explicit MeanOutputTap(const ModelConfig& config)
      : sums_(static_cast<std::size_t>(config.n_layers)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::z ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override;

  [[nodiscard]] std::vector<Tensor> means() const;  // [n_layers][n_heads, d_head], in f32

 private:
  std::vector<Tensor> sums_;
  std::int64_t positions_ = 0;
};

}  // namespace headscope
