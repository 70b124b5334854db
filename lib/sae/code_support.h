// Where codes may differ from 0, and the products of sparse codes: gather-sums, never a dense
// product of zeros. Where most codes are not 0 the support is "every code" and the same functions
// are plain matrix products.
#pragma once

#include <cstdint>

#include "lib/tensor/tensor.h"

namespace headscope {

// Rows of codes. Values of a sparse support are [entries], row after row; of a dense one
// [rows, features].
class CodeSupport {
 public:
  static CodeSupport dense(std::int64_t rows, std::int64_t features);
  // The same number of entries a row: `index` [rows, k] int64, the features.
  static CodeSupport fixed(const Tensor& index, std::int64_t features);
  // Where `mask` [rows, features] bool holds; dense if that is more than one code in 16, since a
  // gather costs about as much as 16 elements of a matrix product.
  static CodeSupport of(const Tensor& mask);
  // The codes at `flat` [entries] int64, places row · features + feature in ascending order.
  static CodeSupport at_places(const Tensor& flat, std::int64_t rows, std::int64_t features);

  [[nodiscard]] bool is_dense() const { return !index_.defined(); }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t features() const { return features_; }
  [[nodiscard]] const Tensor& index() const { return index_; }  // [entries], undefined if dense
  [[nodiscard]] const Tensor& row() const { return row_; }      // [entries], undefined if dense

  // Values at the support of `full` [rows, features].
  [[nodiscard]] Tensor pick(const Tensor& full) const;
  // Per-feature numbers [features] beside the values: [entries], or [1, features].
  [[nodiscard]] Tensor of_feature(const Tensor& each) const;
  // [rows, features] with 0 elsewhere.
  [[nodiscard]] Tensor to_dense(const Tensor& values) const;

  // Σ_f value[n, f] · W[f, :], [rows, d].
  [[nodiscard]] Tensor gather_sum(const Tensor& values, const Tensor& W) const;
  // x[n, :] · W[f, :] at the support, shaped as values are.
  [[nodiscard]] Tensor dots(const Tensor& x, const Tensor& W) const;
  // Σ_n value[n, f] · x[n, :], [features, d]: the same order of sums every time.
  [[nodiscard]] Tensor scatter_sum(const Tensor& values, const Tensor& x) const;
  [[nodiscard]] Tensor feature_sum(const Tensor& values) const;  // Σ_n value[n, f], [features]
  [[nodiscard]] Tensor row_sum(const Tensor& values) const;      // Σ_f value[n, f], [rows]

 private:
  void sort_by_feature() const;

  std::int64_t rows_ = 0;
  std::int64_t features_ = 0;
  Tensor offsets_;  // [rows + 1]: where each row's entries begin
  Tensor row_;
  Tensor index_;
  // The entries feature by feature, made at the first sum over rows.
  mutable Tensor by_feature_;       // [entries]: places among the entries
  mutable Tensor feature_offsets_;  // [features + 1]
  mutable Tensor row_by_feature_;   // [entries]
};

}  // namespace headscope
