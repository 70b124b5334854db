// Interventions that belong to a model: every pass of it runs with them (--intervene).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/intervention_plan.h"
#include "lib/model/model.h"
#include "lib/model/standing_change.h"

namespace headscope {

class StandingInterventions final : public StandingChange {
 public:
  // `hash` of the file they came from, and of those it refers to. `file` is named in messages.
  // `named`: the values in memory that they name.
  StandingInterventions(std::vector<Intervention> interventions,
                        const Model& model,
                        std::string hash,
                        std::string file = {},
                        const NamedValues& named = {});

  [[nodiscard]] std::unique_ptr<Tap> tap() const override;
  [[nodiscard]] std::string hash() const override { return hash_; }
  [[nodiscard]] std::string file() const override { return file_; }
  [[nodiscard]] Json description() const override;
  [[nodiscard]] std::vector<Fired> fired() const override;
  void add_fired(const std::vector<std::int64_t>& values) const override;
  [[nodiscard]] bool of_whole_prompts() const override;
  void check_fired() const override { plan_->check_fired(); }

  [[nodiscard]] const std::vector<Intervention>& interventions() const { return interventions_; }

 private:
  std::vector<Intervention> interventions_;
  std::shared_ptr<const InterventionPlan> plan_;
  std::string hash_;
  std::string file_;
};

// The interventions of a file, ready for `model`: for Model::with(), or for texts that are
// generated. Throws DataError naming the file for what is malformed and for what the model cannot
// have or the op cannot take: whatever is wrong with it, the file is what is to be mended.
std::shared_ptr<const StandingInterventions> standing_interventions(
    const Model& model, const std::filesystem::path& file);

// The same of interventions that a program made; their hash is that of their JSON.
std::shared_ptr<const StandingInterventions> standing_interventions(
    const Model& model, std::vector<Intervention> interventions);

// The same as a plan alone.
InterventionPlan plan_of_file(const std::filesystem::path& file, const Model& model);

// The model changed by the interventions of a file. Throws as standing_interventions() does.
Model intervened(const Model& model, const std::filesystem::path& file);

// Throws UsageError naming `analysis` if the model's interventions choose prompts: its passes are
// of rows that are not the user's prompts one by one. Nothing for a model without interventions.
void refuse_chosen_prompts(const Model& model, std::string_view analysis);

// The same for prompts, positions, spans and pairs: the analysis makes prompts of its own, where
// positions of the user's mean nothing.
void refuse_chosen_positions(const Model& model, std::string_view analysis);

// The same for interventions at attention scores or patterns: the analysis reads statistics of what
// attention compares, which are of the pattern before such a change.
void refuse_changed_attention(const Model& model, std::string_view analysis);

}  // namespace headscope
