#include "analyses/bench/cache_bench.h"

#include <limits>
#include <optional>

#include "lib/base/error.h"
#include "lib/model/kv_parts.h"

namespace headscope {
namespace {

void join_all(Generation& generation, const std::vector<std::vector<std::int32_t>>& prompts) {
  for (const std::vector<std::int32_t>& prompt : prompts) {
    TextRequest request;
    request.prompt = prompt;
    request.stop.max_new = std::numeric_limits<std::int64_t>::max();
    request.stop.at_end_of_turn = AtEndOfTurn::go_on;
    generation.join(std::move(request));
  }
}

void check_cache_bench(const CacheBench& bench, const BenchRepeats& repeats) {
  const std::int64_t columns = bench.shape.tokens + 2 * (repeats.warm_ups + repeats.timed) + 2;
  if (columns > bench.whole.config().n_ctx) {
    throw UsageError("{} tokens and steps behind them are more than the model's context of {}",
                     columns,
                     bench.whole.config().n_ctx);
  }
  if (kv_parts(bench.planned).empty()) {
    throw UsageError(
        "no KV head of this plan keeps less than everything; give --operator streaming:… or "
        "window:…");
  }
}

}  // namespace

CacheTimes time_cache(const CacheBench& bench, int prefills, const BenchRepeats& repeats) {
  check_cache_bench(bench, repeats);
  const auto prompts = random_prompts(bench.shape, bench.whole.config().d_vocab, bench.seed);
  const Generation::Options options{.prefill_chunk = bench.shape.tokens,
                                    .decode = {.by = bench.decode}};
  std::optional<Generation> whole;
  std::optional<Generation> planned;
  const BenchWork fill_whole{[&] { whole.emplace(bench.whole, options); },
                             [&] { join_all(*whole, prompts); }};
  const BenchWork fill_planned{[&] { planned.emplace(bench.planned, options); },
                               [&] { join_all(*planned, prompts); }};
  const auto fills = times_in_turn({fill_whole, fill_planned},
                                   {.warm_ups = 1, .timed = prefills, .stop = repeats.stop});
  const BenchWork step_whole{{}, [&] { whole->step(); }};
  const BenchWork step_planned{{}, [&] { planned->step(); }};
  auto steps = times_in_turn({step_whole, step_planned, step_planned, step_whole}, repeats);
  steps[0].insert(steps[0].end(), steps[3].begin(), steps[3].end());
  steps[1].insert(steps[1].end(), steps[2].begin(), steps[2].end());
  return {.prefill_whole = timing_of(fills[0]),
          .prefill_plan = timing_of(fills[1]),
          .step_whole = timing_of(steps[0]),
          .step_plan = timing_of(steps[1]),
          .prefill = median_ratio(fills[0], fills[1]),
          .step = median_ratio(steps[0], steps[1]),
          .bytes = planned->most_kept(),
          .passes = planned->steps().why_passes};
}

}  // namespace headscope
