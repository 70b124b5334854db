// What steering costs elsewhere: how a model's predictions of plain text change.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "analyses/steering/contrast.h"
#include "lib/model/model.h"

namespace headscope {

struct SideEffects {
  double kl = 0.0;          // mean over positions of KL(model ‖ changed model), nats
  double perplexity = 0.0;  // of the changed model on the text
};

// The first `tokens` of a text in windows of 128, run once as the model is and kept. At least 2.
class NeutralText {
 public:
  // `file`: a text; empty: the prose compiled into the program (data/text/prose.txt). Throws
  // DataError for a file that cannot be read or is too short.
  NeutralText(const Model& model, const std::filesystem::path& file, std::int64_t tokens);

  [[nodiscard]] double perplexity() const { return perplexity_; }  // of the model as it is
  [[nodiscard]] SideEffects under(const Model& model, const TapMaker& change) const;

 private:
  std::vector<Batch> windows_;
  std::vector<Tensor> log_probs_;  // of each window as the model is, [1, T, V] f32
  double perplexity_ = 0.0;
};

}  // namespace headscope
