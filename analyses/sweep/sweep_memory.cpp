#include "analyses/sweep/sweep_memory.h"

#include <algorithm>

#include "analyses/sweep/baselines.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/model/memory_need.h"

namespace headscope {
namespace {

constexpr std::int64_t kSweepBatchTokens = 16 << 10;

std::int64_t element(const Model& model) {
  return static_cast<std::int64_t>(size_of(model.dtype()));
}

std::int64_t token_bytes(const Model& model) {
  return token_bytes(model.config(), model.dtype());
}

std::int64_t size_in(const Json& json, const char* name, std::int64_t least) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_integer() || found->get<std::int64_t>() < least) {
    throw DataError(
        "the batches of the sweep, {}, have no \"{}\" of at least {}", json.dump(), name, least);
  }
  return found->get<std::int64_t>();
}

}  // namespace

std::int64_t bytes_of_row(const Model& model, const SweepShape& shape) {
  const ModelConfig& c = model.config();
  const std::int64_t keys =
      shape.columns * (4 * c.n_kv_heads + 2 * c.n_heads) * c.d_head * element(model);
  const std::int64_t scores =
      shape.running * shape.columns * (forms_scores(model) ? kBytesOfScore * c.n_heads : 5);
  // An f32 product on a GPU goes through six bf16 terms an element (kernels::split_terms).
  const bool split = model.device().is_cuda() && model.dtype() == DType::f32;
  const std::int64_t widest = std::max({c.d_model, c.d_mlp, c.experts.d_expert});
  const std::int64_t terms = split ? 12 * shape.running * widest : 0;
  return shape.running * token_bytes(model) + keys + scores + terms + shape.logits * 8;
}

std::int64_t bytes_of_prompt(const Model& model, const SweepShape& shape) {
  const ModelConfig& c = model.config();
  const std::int64_t heads = c.n_heads * c.d_head * element(model);
  const std::int64_t keys = 2 * c.n_kv_heads * c.d_head * element(model);
  const std::int64_t streams = 2 * c.d_model * 4;
  const std::int64_t patterns =
      shape.keeps_patterns ? 2 * c.n_heads * shape.columns * 4 * shape.running : 0;
  const std::int64_t a_layer =
      shape.columns * 2 * keys + shape.running * (3 * heads + streams) + patterns;
  return c.n_layers * a_layer + shape.columns * token_bytes(model) + shape.logits * 16;
}

std::int64_t baseline_tokens(const Model& model, std::int64_t columns, std::int64_t memory) {
  std::int64_t tokens = kBaselineTokens;
  while (tokens > columns && tokens * token_bytes(model) > memory / 3) {
    tokens /= 2;
  }
  return tokens;
}

SweepPlan plan_sweep(const Model& model, const SweepShape& shape, std::int64_t memory) {
  const std::int64_t row = bytes_of_row(model, shape);
  const std::int64_t prompt = bytes_of_prompt(model, shape);
  // A layer's cells are formed together, streams and shares of z, before their rows are chosen.
  if (memory < prompt + 3 * row) {
    throw ResourceError(
        "--memory {} is too little: one cell of a prompt of {} tokens needs {}; allow more, or "
        "take shorter prompts",
        format_bytes(memory),
        shape.columns,
        format_bytes(prompt + 3 * row));
  }
  const std::int64_t rows_that_fit = std::max<std::int64_t>(1, memory / 3 / row);
  const std::int64_t prompts =
      std::clamp<std::int64_t>(memory / 3 / (prompt + row), 1, rows_that_fit);
  SweepPlan plan;
  plan.batch_tokens = std::max(shape.columns, std::min(prompts * shape.columns, kSweepBatchTokens));
  const std::int64_t rows_enough =
      enough_tokens(model.device(), PassDirection::forwards) / shape.running;
  plan.batch_rows = std::clamp<std::int64_t>(rows_enough, 1, rows_that_fit);
  plan.baseline_tokens = baseline_tokens(model, shape.columns, memory);
  return plan;
}

void refuse_batches(std::int64_t need, std::int64_t memory) {
  throw ResourceError(
      "--memory {} is too little for the batches that the sweep was begun in, which take {}; allow "
      "more, or choose another -o",
      format_bytes(memory),
      format_bytes(need));
}

void check_plan(const Model& model,
                const SweepShape& shape,
                const SweepPlan& plan,
                std::int64_t memory) {
  const std::int64_t row = bytes_of_row(model, shape);
  const std::int64_t prompts = std::max<std::int64_t>(1, plan.batch_tokens / shape.columns);
  const std::int64_t baselines =
      plan.baseline_tokens > shape.columns ? plan.baseline_tokens * token_bytes(model) : 0;
  // The thirds of plan_sweep(), of which one prompt and one row are let off.
  const std::int64_t rows = plan.batch_rows > 1 ? plan.batch_rows * row : 0;
  const std::int64_t kept = prompts > 1 ? prompts * (bytes_of_prompt(model, shape) + row) : 0;
  const std::int64_t need =
      std::max({3 * rows, 3 * kept, 3 * baselines, bytes_of_prompt(model, shape) + 3 * row});
  if (need > memory) {
    refuse_batches(need, memory);
  }
}

Json plan_json(const SweepPlan& plan) {
  return {{"batch_tokens", plan.batch_tokens},
          {"batch_rows", plan.batch_rows},
          {"baseline_tokens", plan.baseline_tokens}};
}

SweepPlan plan_from(const Json& json) {
  return {.batch_tokens = size_in(json, "batch_tokens", 1),
          .batch_rows = size_in(json, "batch_rows", 0),
          .baseline_tokens = size_in(json, "baseline_tokens", 1)};
}

}  // namespace headscope
