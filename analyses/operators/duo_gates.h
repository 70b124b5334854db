// DuoAttention's gates: how much of its whole attention each KV head needs, trained on texts with
// hidden keys while the model stays as it is (Xiao et al. 2024, arXiv:2410.10819).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analyses/operators/passkey_text.h"
#include "lib/attention/head_operator.h"
#include "lib/base/head_scores.h"
#include "lib/model/model.h"

namespace headscope {

struct GateOptions {
  KeptKeys streaming{128, 256};
  PasskeyOptions texts{};
  std::int64_t steps = 2000;
  double rate = 0.02;    // of AdamW, without decay
  double weight = 0.05;  // λ of the mean gate beside the distillation
  std::uint64_t seed = 0;
};

// What one text says of gates [n_layers, n_kv_heads] f32. A head's z is gate · z of the unchanged
// model + (1 − gate) · z of streaming attention on the gated model's own stream, as the published
// program has it; distill: mean over the answers' positions and d_model of the squared difference
// behind the last norm.
struct GateLoss {
  double distill = 0.0;
  double mean_gate = 0.0;
  Tensor gradient{};  // of distill + weight · mean |gate|, shaped as the gates
};
GateLoss gate_loss(const Model& model,
                   const PasskeyText& text,
                   const Tensor& gates,
                   const GateOptions& options);

struct GateStep {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  double distill = 0.0;
  double mean_gate = 0.0;
};

// Gates of KV heads, in [0, 1], from 1 on. The rate rises over the first fifth of the steps and
// falls over the last, to a tenth. Throws UsageError for a model without a tokenizer, with a plan
// or a standing change of its own, in another dtype than f32, or texts beyond its context.
HeadScores train_gates(const Model& model,
                       const std::string& haystack,
                       const GateOptions& options,
                       const std::function<void(const GateStep&)>& each = {});

// As DuoAttention writes them: a line a layer, a number a KV head, by tabs.
std::string gates_tsv(const HeadScores& gates);

}  // namespace headscope
