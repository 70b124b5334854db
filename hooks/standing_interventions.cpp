#include "hooks/standing_interventions.h"

#include <algorithm>

#include "hooks/intervention_json.h"
#include "hooks/intervention_tap.h"
#include "hooks/stored_values.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"

namespace headscope {
namespace {

// Of the file and of those whose values it brings: the same file means another change when they are
// made anew.
std::string hash_of(Hasher& hasher, const std::vector<Intervention>& interventions) {
  for (const Intervention& what : interventions) {
    for (const std::filesystem::path& brought : files_of(what)) {
      hasher.update(MappedFile(brought).bytes());
    }
  }
  return hasher.digest();
}

std::string numbered(std::size_t index, const Intervention& what) {
  return fmt::format("intervention {} ({} of {})", index, to_string(what.op), what.site);
}

const std::vector<Intervention>* standing_list(const Model& model) {
  const auto* standing = dynamic_cast<const StandingInterventions*>(model.standing().get());
  return standing == nullptr ? nullptr : &standing->interventions();
}

// Runs `work`; what it finds wrong with the interventions is wrong in their file, not in the
// command.
template <typename Work>
auto of_file(const std::filesystem::path& file, const Work& work) {
  try {
    return work();
  } catch (const UsageError& error) {
    throw DataError("{}: {}", file.string(), error.what());
  }
}

}  // namespace

StandingInterventions::StandingInterventions(std::vector<Intervention> interventions,
                                             const Model& model,
                                             std::string hash,
                                             std::string file,
                                             const NamedValues& named)
    : interventions_(std::move(interventions)),
      plan_(std::make_shared<const InterventionPlan>(plan_of(interventions_, model, named))),
      hash_(std::move(hash)),
      file_(std::move(file)) {}

std::unique_ptr<Tap> StandingInterventions::tap() const {
  return std::make_unique<InterventionTap>(plan_);
}

Json StandingInterventions::description() const {
  return Json::parse(to_json(interventions_).dump());
}

std::vector<StandingChange::Fired> StandingInterventions::fired() const {
  std::vector<Fired> all;
  for (std::size_t i = 0; i < plan_->size(); ++i) {
    all.push_back({.part = plan_->name(i), .values = plan_->fired(i)});
  }
  return all;
}

void StandingInterventions::add_fired(const std::vector<std::int64_t>& values) const {
  for (std::size_t i = 0; i < plan_->size(); ++i) {
    plan_->add(i, values.at(i));
  }
}

bool StandingInterventions::of_whole_prompts() const {
  return std::any_of(interventions_.begin(), interventions_.end(), [](const Intervention& what) {
    return what.op == Op::calibrate_sinks;
  });
}

std::shared_ptr<const StandingInterventions> standing_interventions(
    const Model& model, const std::filesystem::path& file) {
  std::vector<Intervention> interventions = read_interventions(file);
  Hasher hasher;
  hasher.update(MappedFile(file).bytes());
  std::string hash = hash_of(hasher, interventions);
  return of_file(file, [&] {
    return std::make_shared<const StandingInterventions>(
        std::move(interventions), model, std::move(hash), file.string());
  });
}

std::shared_ptr<const StandingInterventions> standing_interventions(
    const Model& model, std::vector<Intervention> interventions) {
  Hasher hasher;
  hasher.update(to_json(interventions).dump());
  std::string hash = hash_of(hasher, interventions);
  return std::make_shared<const StandingInterventions>(
      std::move(interventions), model, std::move(hash));
}

InterventionPlan plan_of_file(const std::filesystem::path& file, const Model& model) {
  return of_file(file, [&] { return plan_of(read_interventions(file), model); });
}

Model intervened(const Model& model, const std::filesystem::path& file) {
  return model.with(standing_interventions(model, file));
}

void refuse_chosen_prompts(const Model& model, std::string_view analysis) {
  const auto* list = standing_list(model);
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if ((*list)[i].where.prompts) {
      throw UsageError(
          "{}: {} runs rows that are not your prompts one by one; leave \"prompts\" out, or give "
          "it "
          "a file with those prompts alone",
          numbered(i, (*list)[i]),
          analysis);
    }
  }
}

void refuse_chosen_positions(const Model& model, std::string_view analysis) {
  refuse_chosen_prompts(model, analysis);
  const auto* list = standing_list(model);
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const Intervention& what = (*list)[i];
    const bool counted = what.where.positions || what.where.pairs || what.values.prompt;
    if (counted || what.where.apply.counts_positions() || what.where.keys.counts_positions()) {
      throw UsageError(
          "{}: {} makes prompts of its own, of many lengths, so positions mean nothing there; "
          "leave out positions, spans, pairs and values of one prompt; choose tokens by phase or "
          "by text",
          numbered(i, what),
          analysis);
    }
  }
}

void refuse_changed_attention(const Model& model, std::string_view analysis) {
  if (!model.standing()) {
    return;
  }
  const auto change = model.standing()->tap();
  for (const HookPoint point : hook_points(model.config())) {
    const bool attention =
        point.site == Site::pattern ||
        (point.site == Site::attn_scores && !change->changes_scores_fused(point.layer));
    if (attention && change->wants(point) != Interest::none) {
      throw UsageError(
          "{}: {} reads statistics of attention, which are of the pattern before this "
          "intervention; mask keys or add to their scores, or intervene at hook_q, hook_k or "
          "hook_z "
          "instead",
          hook_name(point.site, point.layer),
          analysis);
    }
  }
}

}  // namespace headscope
