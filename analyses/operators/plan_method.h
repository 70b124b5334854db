// Which heads keep their whole attention, and which get an operator, under a budget. Heads that
// share keys and values get the same, since only then is a cache spared: choices are of KV heads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/head_scores.h"
#include "lib/model/attention_plan.h"
#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

struct PlanRequest {
  // Share of the KV heads that keep everything, or of what is seen that still is; above 0, below 1.
  double budget = 0.5;
  std::string file = {};           // what the method reads: a measurement, a list of heads
  std::vector<Prompt> texts = {};  // where the method reads texts
  std::int64_t razor_tokens = 250;
  std::uint64_t seed = 0;
};

struct PlanMethod {
  std::string_view name;
  std::string_view summary;
  std::string_view source;
  std::string_view reads;  // what `file` is; empty: it reads none
  // The KV heads that keep everything, `count` of them; the others get an operator of the user's.
  std::vector<HeadId> (*kept)(const Model& model,
                              const PlanRequest& request,
                              std::size_t count) = nullptr;
  // In place of it: a plan whose operators the method chooses, from request.texts.
  AttentionPlan (*plan)(const Model& model, const PlanRequest& request) = nullptr;
};

std::span<const PlanMethod> all_plan_methods();

// The plan of a method that chooses operators itself. Throws UsageError for a budget that is not
// above 0 and below 1, texts that are missing, and what the method throws.
AttentionPlan chosen_plan(const Model& model, const PlanMethod& method, const PlanRequest& request);

// The KV heads that keep everything. Throws UsageError for a budget that is not above 0 and below 1
// or leaves no head to choose, a file that is missing or one too many, and what the method throws;
// DataError for a file of another model.
std::vector<HeadId> heads_kept(const Model& model,
                               const PlanMethod& method,
                               const PlanRequest& request);

// The operator in the place of all query heads of the other KV heads.
AttentionPlan plan_around(const Model& model,
                          const std::vector<HeadId>& kept_kv_heads,
                          const OperatorChoice& choice);

// As DuoAttention writes them: a line a layer, a number a KV head, 1 for those that are kept.
std::string duo_attention_tsv(const Model& model, const std::vector<HeadId>& kept_kv_heads);

}  // namespace headscope
