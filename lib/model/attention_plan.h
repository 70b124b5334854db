// Which head of a model has which operator in its place (lib/attention/operators): a document,
// {"format": "headscope-attention-plan", "version": 1, "model": {…}, "operators": [{"layers":
// "all", "heads": [0, 3], "operator": "streaming", "sink": 4, "local": 64}, …]}.
// data/ATTENTION_PLAN.md says every field.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lib/attention/operators/operator_choice.h"
#include "lib/base/head_id.h"
#include "lib/base/json_fwd.h"

namespace headscope {

class Model;
struct ModelConfig;

// What operators are told of a layer of a model.
OperatorPlace operator_place(const ModelConfig& config, std::int64_t layer);

class AttentionPlan {
 public:
  struct Part {
    OperatorChoice choice;
    std::vector<HeadId> heads;  // query heads
  };

  // Throws UsageError for a head that the model does not have or that two parts have, for none at
  // all, and for a model whose queries see later keys.
  AttentionPlan(std::vector<Part> parts, const ModelConfig& config);

  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }

  // The operators of a layer's query heads, null where a head has none; empty where all are null.
  // Throws UsageError for an operator that has no meaning in the layer.
  [[nodiscard]] std::vector<std::shared_ptr<const HeadOperator>> operators(
      std::int64_t layer, const ModelConfig& config) const;

  // A line for each operator that models are to be trained with, and this one was not. Empty: none.
  [[nodiscard]] std::vector<std::string> untrained() const;

  // The parts as a document has them, for provenance; its hash tells one plan from another.
  [[nodiscard]] Json description() const;
  [[nodiscard]] std::string hash() const;

  // The file it was read from, as the user named it; empty if a program made it.
  std::string file{};

 private:
  std::vector<Part> parts_;
  HeadGrid grid_;
};

// Reads a document for `model`. Throws DataError naming the file: malformed, of another model (its
// "model" says other numbers or another weights_hash), a field no one knows, a head twice, or what
// an operator refuses.
std::shared_ptr<const AttentionPlan> read_attention_plan(const std::filesystem::path& file,
                                                         const Model& model);

// The document of a plan for `model`, complete with what tells the model.
OrderedJson plan_document(const AttentionPlan& plan, const Model& model);

// The model with the operators in its attention; null: without. What else it is changed by
// (standing()) stays.
Model with_attention(const Model& model, std::shared_ptr<const AttentionPlan> plan);

}  // namespace headscope
