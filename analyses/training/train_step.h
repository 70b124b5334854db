// One model in training: its parameters, the optimiser, a step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyses/training/parameter_gradients.h"
#include "analyses/training/train_spec.h"
#include "lib/weights/write_safetensors.h"

namespace headscope {

// Of the positions of one group.
struct GroupLoss {
  std::string group;
  std::int64_t positions = 0;
  double loss = 0.0;      // mean cross-entropy, nats; NaN without positions
  double accuracy = 0.0;  // how often the label has the largest logit; NaN without positions
};

// logits [B, T, d_vocab] → the loss of each group of `data` with labels in `rows`.
std::vector<GroupLoss> group_losses(const Tensor& logits,
                                    const TrainRows& rows,
                                    const std::vector<TrainGroup>& groups);

// The rows as a batch of prompts.
Batch batch_of_rows(const TrainRows& rows);

struct TrainMeasure {
  double loss = 0.0;              // what was minimised, before the step
  double gradient_norm = 0.0;     // before clipping; 0 unless it is clipped or asked for
  std::int64_t tokens = 0;        // read
  std::vector<GroupLoss> groups;  // of the step's rows; empty unless asked for
};

class ModelTrainer {
 public:
  // Parameters drawn from the spec's seed: matrices Gaussian, biases 0, gains 1.
  ModelTrainer(const TrainSpec& spec, const Device& device);

  // The step after steps_done(), on rows drawn for it. DataError where the loss is not finite.
  enum class Tell { loss, groups };
  TrainMeasure step(Tell tell);

  [[nodiscard]] std::int64_t steps_done() const { return steps_; }
  [[nodiscard]] Model model() const;
  // The loss of the held-out rows; none where the task has none.
  [[nodiscard]] std::optional<GroupLoss> held_out() const;

  // All that a run needs to go on with.
  [[nodiscard]] std::vector<NamedArray> state() const;
  // DataError naming `file` where it is another model's.
  void restore(const std::filesystem::path& file);

 private:
  [[nodiscard]] std::vector<Tensor> parameters() const;
  void take(const std::vector<Tensor>& next);

  const TrainSpec& spec_;
  Device device_;
  Weights weights_;
  std::optional<Optimizer> optimizer_;
  std::int64_t steps_ = 0;
};

}  // namespace headscope
