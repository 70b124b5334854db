#include "analyses/retrieval/retrieval.h"

#include <algorithm>
#include <numeric>

#include "analyses/retrieval/retrieval_run.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/generate/generate.h"
#include "lib/generate/rotary_growth.h"
#include "lib/model/batch_plan.h"

namespace headscope {
namespace {

void check(const std::vector<RetrievalPrompt>& prompts, const ModelConfig& config) {
  for (const RetrievalPrompt& prompt : prompts) {
    const auto length = static_cast<std::int64_t>(prompt.tokens.size());
    if (length < 2) {
      throw UsageError("prompt {} has {}; retrieval needs 2", prompt.id, counted(length, "token"));
    }
    if (prompt.needle.begin < 0 || prompt.needle.begin >= prompt.needle.end ||
        prompt.needle.end > length) {
      throw UsageError("prompt {} of {} tokens has its needle at [{}, {})",
                       prompt.id,
                       length,
                       prompt.needle.begin,
                       prompt.needle.end);
    }
    if (length > config.n_ctx) {
      throw UsageError("prompt {} of {} tokens is longer than the model's context of {}",
                       prompt.id,
                       length,
                       config.n_ctx);
    }
  }
}

}  // namespace

std::vector<double> RetrievalScores::of_head(const HeadId& head, ScoreForm form) const {
  std::vector<double> scores;
  for (const RetrievalSample& sample : samples) {
    if (sample.passed && !sample.count.empty()) {
      scores.push_back(
          (form == ScoreForm::count ? sample.count : sample.set).at(grid.index_of(head)));
    }
  }
  return scores;
}

HeadScores RetrievalScores::means(ScoreForm form) const {
  HeadScores means(grid);
  for (const HeadId& head : grid.heads()) {
    const std::vector<double> scores = of_head(head, form);
    const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
    means[head] = scores.empty() ? 0.0 : sum / static_cast<double>(scores.size());
  }
  return means;
}

std::int64_t RetrievalScores::passed() const {
  return std::count_if(samples.begin(), samples.end(), [](const RetrievalSample& sample) {
    return sample.passed && !sample.count.empty();
  });
}

std::vector<PromptRows> retrieval_batches(const Model& model,
                                          const std::vector<RetrievalPrompt>& prompts,
                                          const RetrievalOptions& options) {
  check(prompts, model.config());
  for (const RetrievalPrompt& prompt : prompts) {
    const std::int64_t held = std::ssize(prompt.tokens);
    check_rotary_growth(model, held, held + options.max_new - 1);
  }
  return plan_batches(lengths_of(prompts),
                      {.most_tokens = options.batch_tokens, .padding = Padding::quarter_of_prompt});
}

RetrievalScores retrieval_scores(const Model& model,
                                 const std::vector<RetrievalPrompt>& prompts,
                                 const RetrievalOptions& options,
                                 const std::function<void(const RetrievalSample&)>& each) {
  const std::vector<PromptRows> batches = retrieval_batches(model, prompts, options);
  RetrievalScores scores{.grid = head_grid(model.config()), .samples = {}, .stopped = false};
  RetrievalRun run(model, prompts, options);
  for (const PromptRows& rows : batches) {
    try {
      for (RetrievalSample& sample : run.run(rows)) {
        if (each) {
          each(sample);
        }
        scores.samples.push_back(std::move(sample));
      }
    } catch (const RetrievalStopped&) {
      scores.stopped = true;
      break;
    }
  }
  std::stable_sort(scores.samples.begin(),
                   scores.samples.end(),
                   [](const RetrievalSample& a, const RetrievalSample& b) {
                     return std::pair(a.mask, a.prompt) < std::pair(b.mask, b.prompt);
                   });
  return scores;
}

}  // namespace headscope
