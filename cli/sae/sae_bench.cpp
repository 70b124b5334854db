#include "cli/sae/sae_bench.h"

#include <CLI/CLI.hpp>

#include "analyses/sae/sae_bench.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "hooks/activation_stream.h"
#include "lib/base/error.h"
#include "lib/tensor/backend.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/gaussian.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kMostBatches = 32;       // of different rows; then from the first again
constexpr std::int64_t kDeadAfterSteps = 1000;  // as SAELens' dead_feature_window

SaeTrainOptions bench_train_options(const SaeBenchOptions& options, std::uint64_t seed) {
  SaeTrainOptions train;
  train.arch = parse_sae_arch(options.arch);
  train.d_sae = options.d_sae;
  train.k = options.k;
  train.sparsity = options.sparsity;
  train.steps = options.steps + options.warm_ups + 1;
  train.dead_after = kDeadAfterSteps * options.batch;
  train.seed = seed;
  return train;
}

Tensor rows_of_trace(const SaeBenchOptions& options, std::uint64_t seed) {
  ActivationStream stream({options.trace},
                          {.hooks = {options.site}, .batch_rows = options.batch, .seed = seed});
  std::vector<Tensor> parts;
  while (std::ssize(parts) < kMostBatches) {
    const auto batch = stream.next();
    if (!batch) {
      break;
    }
    parts.push_back(batch->values.front().clone());
  }
  return at::cat(parts);
}

Tensor bench_rows(const SaeBenchOptions& options, std::uint64_t seed) {
  if (options.trace.empty()) {
    return gaussian({options.batch * 4, options.d_in}, seed, 0);
  }
  if (options.site.empty()) {
    throw UsageError("--site: which hook point of {} to train on", options.trace);
  }
  return rows_of_trace(options, seed);
}

// Tokens a second of a step of `options.batch` tokens.
double rate_of(const SaeBenchOptions& options, double ms) {
  return 1000.0 * static_cast<double>(options.batch) / ms;
}

std::string bench_text(const SaeBenchOptions& options,
                       const SaeStepTimes& times,
                       std::int64_t d_in) {
  const auto rate = [&](double ms) {
    return grouped(static_cast<std::int64_t>(rate_of(options, ms)));
  };
  return facts(
      {{"autoencoder", fmt::format("{} {} → {}", options.arch, d_in, grouped(options.d_sae))},
       {"step",
        fmt::format("{} rows in {:.2f} ms: {} tokens/s",
                    grouped(options.batch),
                    times.step.median_ms,
                    rate(times.step.median_ms))},
       {"encoder alone",
        fmt::format("{:.2f} ms: {} tokens/s; a step takes {:.1f} times that",
                    times.product.median_ms,
                    rate(times.product.median_ms),
                    times.times_the_product())}});
}

}  // namespace

void add_sae_bench_options(CLI::App& app, SaeBenchOptions& options) {
  app.add_option("TRACE", options.trace, "Rows of a trace; left out: random ones");
  app.add_option("--site", options.site, "Its hook point");
  app.add_option("--d-in", options.d_in, "Width of random rows")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--arch", options.arch, "standard, topk, batchtopk, jumprelu or gated")
      ->capture_default_str();
  app.add_option("--d-sae", options.d_sae, "Features")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app.add_option("-k", options.k, "topk, batchtopk: codes a row")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--sparsity", options.sparsity, "λ of standard, gated and jumprelu")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--batch", options.batch, "Rows a step")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Steps that are timed")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--warm-ups", options.warm_ups, "Steps before them")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
}

void sae_bench(const SaeBenchOptions& options, const Invocation& invocation) {
  const SaeTrainOptions train = bench_train_options(options, invocation.common.seed);
  if (options.k > options.d_sae) {
    throw UsageError("-k {}: more than the {} features of the SAE", options.k, options.d_sae);
  }
  use_backend(invocation.common.device);
  const Tensor rows =
      bench_rows(options, invocation.common.seed).to(to_torch(invocation.common.device));
  catch_interrupts();
  const SaeStepTimes times =
      time_sae_steps(train,
                     rows,
                     options.batch,
                     {.warm_ups = options.warm_ups, .timed = options.steps, .stop = interrupted});
  show(invocation,
       {{"arch", options.arch},
        {"d_in", rows.size(1)},
        {"d_sae", options.d_sae},
        {"k", options.k},
        {"batch", options.batch},
        {"step_ms", times.step.median_ms},
        {"step_ms_min", times.step.min_ms},
        {"tokens_per_second", rate_of(options, times.step.median_ms)},
        {"encoder_product_ms", times.product.median_ms},
        {"encoder_product_tokens_per_second", rate_of(options, times.product.median_ms)},
        {"steps_over_product", times.times_the_product()},
        {"l0", times.l0},
        {"fvu", times.fvu},
        {"command_line", invocation.command_line}},
       bench_text(options, times, rows.size(1)));
}

}  // namespace headscope
