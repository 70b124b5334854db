#include "analyses/bench/step_bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/generate/generate.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kReadValues = std::int64_t{1} << 25;  // f32, far more than caches hold

// The embedding is a table of which a step reads a row, unless it is the unembedding too.
std::int64_t bytes_of_step(const Model& model) {
  const ModelConfig& config = model.config();
  const std::int64_t table =
      config.tied_embeddings
          ? 0
          : config.d_vocab * config.d_model * static_cast<std::int64_t>(size_of(model.dtype()));
  return weight_bytes(config, model.dtype()) - table;
}

double bytes_per_second(const Device& device) {
  const Tensor values =
      at::ones({kReadValues}, at::TensorOptions().dtype(at::kFloat).device(to_torch(device)));
  double best = 0.0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    values.sum().item<float>();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(values.nbytes()) / took.count());
  }
  return best;
}

void join(Generation& generation,
          const std::vector<std::vector<std::int32_t>>& prompts,
          const std::shared_ptr<const StandingChange>& change) {
  for (const std::vector<std::int32_t>& prompt : prompts) {
    TextRequest request;
    request.prompt = prompt;
    request.change = change;
    request.stop.max_new = std::numeric_limits<std::int64_t>::max();
    request.stop.at_end_of_turn = AtEndOfTurn::go_on;
    generation.join(std::move(request));
  }
}

}  // namespace

std::shared_ptr<const StandingChange> scaled_head(const Model& model) {
  Intervention scale{.site = fmt::format("blocks.{}.attn.hook_z", model.config().n_layers / 2),
                     .op = Op::scale,
                     .factor = 0.5};
  scale.where.heads = {{0}};
  return standing_interventions(model, std::vector<Intervention>{scale});
}

MedianRatio median_ratio(const std::vector<double>& numerators,
                         const std::vector<double>& denominators) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < numerators.size(); ++i) {
    ratios.push_back(numerators[i] / denominators.at(i));
  }
  std::sort(ratios.begin(), ratios.end());
  const auto count = static_cast<double>(ratios.size());
  // How many ratios lie below the true median is binomial (n, 1/2), nearly normal.
  const auto below =
      static_cast<std::size_t>(std::max(0.0, std::floor(count / 2 - 1.96 * std::sqrt(count) / 2)));
  const std::size_t last = ratios.size() - 1;
  return {.median = (ratios[last / 2] + ratios[ratios.size() / 2]) / 2,
          .low = ratios[below],
          .high = ratios[last - below]};
}

StepTimes time_steps(const Model& model,
                     const Shape& shape,
                     std::uint64_t seed,
                     const std::shared_ptr<const StandingChange>& change,
                     const BenchRepeats& repeats) {
  const std::int64_t columns = shape.tokens + 2 * (repeats.warm_ups + repeats.timed) + 1;
  if (columns > model.config().n_ctx) {
    throw UsageError(
        "{} warm-ups and {} repeats of two steps behind {} tokens are more than the "
        "model's context of {}; take fewer",
        repeats.warm_ups,
        repeats.timed,
        shape.tokens,
        model.config().n_ctx);
  }
  const auto prompts = random_prompts(shape, model.config().d_vocab, seed);
  Generation plain(model);
  Generation changed(model);
  join(plain, prompts, nullptr);
  join(changed, prompts, change);
  const BenchWork one{{}, [&] { plain.step(); }};
  const BenchWork other{{}, [&] { changed.step(); }};
  auto times = times_in_turn({one, other, other, one}, repeats);
  times[0].insert(times[0].end(), times[3].begin(), times[3].end());
  times[1].insert(times[1].end(), times[2].begin(), times[2].end());
  change->check_fired();
  StepTimes result;
  result.ratio = median_ratio(times[1], times[0]);
  result.passes = changed.steps().why_passes;
  result.plain = timing_of(times[0]);
  result.changed = timing_of(times[1]);
  result.read_bytes = bytes_of_step(model);
  result.bytes_per_second = bytes_per_second(model.device());
  return result;
}

}  // namespace headscope
