#include "analyses/operators/razor_scores.h"

#include <utility>

#include "analyses/head_detectors/token_sample.h"
#include "hooks/statistics_tap.h"
#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Random tokens `rounds` times over, behind a BOS where the model has one. Of a round all are
// different, where the vocabulary has as many.
std::vector<std::int32_t> repeated_tokens(const Model& model, const RazorOptions& options) {
  std::vector<std::int32_t> round = sample_tokens(model, options.tokens, options.seed);
  Random random(options.seed, "razor");
  for (const auto different = round; std::ssize(round) < options.tokens;) {
    round.push_back(random.pick(different));
  }
  std::vector<std::int32_t> text;
  if (model.has_tokenizer() && model.tokenizer().prepends_bos()) {
    text = model.tokenizer().encode("", PrependBos::automatic);
  }
  for (std::int64_t i = 0; i < options.rounds; ++i) {
    text.insert(text.end(), round.begin(), round.end());
  }
  return text;
}

void check_razor(const Model& model, const RazorOptions& options, std::size_t tokens) {
  if (options.rounds < 2 || options.tokens < 2) {
    throw UsageError("razor's scores need at least two rounds of at least two tokens");
  }
  if (std::cmp_greater(tokens, model.config().n_ctx)) {
    throw UsageError("{} rounds of {} tokens are more than the model's context of {}",
                     options.rounds,
                     options.tokens,
                     model.config().n_ctx);
  }
}

}  // namespace

RazorScores razor_scores(const Model& model, const RazorOptions& options) {
  const std::vector<std::int32_t> text = repeated_tokens(model, options);
  check_razor(model, options, text.size());
  StatisticsRequest request;
  for (std::int64_t round = 1; round < options.rounds; ++round) {
    request.offsets.push_back(round * options.tokens);
  }
  for (std::int64_t round = 1; round < options.rounds; ++round) {
    request.offsets.push_back(round * options.tokens - 1);
  }
  const HeadGrid grid{model.config().n_layers, model.config().n_heads};
  RazorScores scores{HeadScores(grid), HeadScores(grid)};
  // Queries whose token was said before: all behind the first round.
  const std::int64_t first = std::ssize(text) - (options.rounds - 1) * options.tokens;
  StatisticsTap tap(request, [&](const Visit& visit, const AttentionStatistics& statistics) {
    require_finite(statistics, visit.point.layer, model);
    const Tensor mean = statistics.offset_mass[0]
                            .narrow(1, first, std::ssize(text) - first)
                            .mean(1);  // [n_heads, offsets]
    const std::int64_t copies = options.rounds - 1;
    const std::vector<float> echo = to_floats(mean.narrow(1, 0, copies).sum(1));
    const std::vector<float> induction = to_floats(mean.narrow(1, copies, copies).sum(1));
    for (std::int64_t head = 0; head < grid.n_heads; ++head) {
      scores.echo[{visit.point.layer, head}] = echo[static_cast<std::size_t>(head)];
      scores.induction[{visit.point.layer, head}] = induction[static_cast<std::size_t>(head)];
    }
  });
  model.forward(Batch({text}), tap, {.logits = Logits::none});
  return scores;
}

}  // namespace headscope
