// What steering costs elsewhere: how a model's predictions of plain text change.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analyses/steering/contrast.h"
#include "analyses/steering/steer_data.h"
#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

struct SideEffects {
  double kl = 0.0;          // mean over positions of KL(model ‖ changed model), nats
  double perplexity = 0.0;  // of the changed model on the text
};

// Named parts of prompts as shares of their lengths, from 0 to 1: [begin, end).
struct SpanShare {
  double begin = 0.0;
  double end = 1.0;
};
using SpanShares = std::map<std::string, SpanShare>;

// Of each span name, where it lies in the prompts that have it, on average.
SpanShares span_shares(const SteerData& data);

// The first `tokens` of a text in windows of 128, run once as the model is and kept. At least 2.
class NeutralText {
 public:
  // `file`: a text; empty: the prose compiled into the program (data/text/prose.txt). Throws
  // DataError for a file that cannot be read or is too short.
  NeutralText(const Model& model, const std::filesystem::path& file, std::int64_t tokens);

  [[nodiscard]] double perplexity() const { return perplexity_; }  // of the model as it is
  // `spans`: plain text has no parts that an edit of spans could name, so each window is given
  // them, at these shares of its length and of at least one token.
  [[nodiscard]] SideEffects under(const Model& model,
                                  const TapMaker& change,
                                  const SpanShares& spans = {}) const;

 private:
  std::vector<Prompt> windows_;
  std::vector<Tensor> log_probs_;  // of each window as the model is, [1, T, V] f32
  double perplexity_ = 0.0;
};

}  // namespace headscope
