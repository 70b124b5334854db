// How well rows of streams predict one text, beside the model's own.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct TextScore {
  double nll = 0.0;  // mean −ln p of each next token, nats
  double kl = 0.0;   // mean over the same tokens of KL(model ‖ row), nats
};

class TextScores {
 public:
  // `stream` [1, T, d_model]: what the unchanged model leaves behind its last block. Both outlive
  // this.
  TextScores(const Model& model, const std::vector<std::int32_t>& tokens, const Tensor& stream);

  [[nodiscard]] double unchanged_nll() const { return unchanged_; }

  // Of rows [R, T − first, d_model], the last columns of streams that before `first` are the
  // model's own.
  [[nodiscard]] std::vector<TextScore> of(const Tensor& rows, std::int64_t first) const;

 private:
  [[nodiscard]] Tensor log_probs(const Tensor& streams) const;  // [R, n, V]

  const Model& model_;
  Tensor next_;    // [T − 1] int64: what follows each token
  Tensor stream_;  // [1, T, d_model]
  Tensor nll_;     // [T − 1] f64: the model's own
  double unchanged_ = 0.0;
};

}  // namespace headscope
