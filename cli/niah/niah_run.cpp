#include "cli/niah/niah_run.h"

#include <algorithm>
#include <map>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::vector<HeadId> own_ranking(const NiahResult& result) {
  std::vector<HeadId> ranked;
  for (const RetrievalHead& head : retrieval_heads(result)) {
    ranked.push_back(head.head);
  }
  if (ranked.empty()) {
    throw UsageError("no prompt passed, so no heads can be ranked; rank them with --heads FILE");
  }
  return ranked;
}

// Masks of more heads than there are are refused before the run that ranks them.
void check_counts(const MaskPlan& plan, const ModelConfig& config) {
  for (HeadMask mask : plan.masks) {
    mask.ranked = head_grid(config).heads();
    masked_heads(mask, 0, "");
  }
}

}  // namespace

void NiahRun::take_logged(std::size_t first) {
  std::map<std::string, std::size_t> masks;
  std::map<std::string, std::size_t> prompts;
  for (std::size_t mask = first; mask < result_.masks.size(); ++mask) {
    masks[result_.masks[mask].name()] = mask;
  }
  for (std::size_t prompt = 0; prompt < prompts_.size(); ++prompt) {
    prompts[prompts_[prompt].id] = prompt;
  }
  for (const LoggedSample& logged : log_.found()) {
    if (masks.contains(logged.mask) && prompts.contains(logged.prompt)) {
      RetrievalSample sample = logged.sample;
      sample.mask = masks[logged.mask];
      sample.prompt = prompts[logged.prompt];
      result_.scores.samples.push_back(sample);
    }
  }
}

RetrievalOptions NiahRun::retrieval_options(std::size_t first) const {
  RetrievalOptions options{.top_k = options_.top_k,
                           .max_new = options_.max_new,
                           .batch_tokens = options_.batch_tokens,
                           .seed = invocation_.common.seed};
  options.masks.assign(result_.masks.begin() + static_cast<std::ptrdiff_t>(first),
                       result_.masks.end());
  options.done = [this](const HeadMask& mask, const RetrievalPrompt& prompt) {
    return log_.has(mask.name(), prompt.id);
  };
  options.stop = interrupted;
  return options;
}

void NiahRun::run(std::size_t first) {
  take_logged(first);
  std::vector<RetrievalSample>& all = result_.scores.samples;
  const std::size_t wanted = (result_.masks.size() - first) * prompts_.size();
  Progress bar(static_cast<std::int64_t>(wanted), {.label = "niah", .unit = "prompts"});
  bar.begin_at(std::count_if(
      all.begin(), all.end(), [&](const RetrievalSample& s) { return s.mask >= first; }));
  const RetrievalScores scores = retrieval_scores(
      model_, prompts_, retrieval_options(first), [&](const RetrievalSample& sample) {
        log_.add({.mask = result_.masks[first + sample.mask].name(),
                  .prompt = prompts_[sample.prompt].id,
                  .sample = sample});
        bar.add();
      });
  if (scores.stopped) {
    print_note(options_.out.empty()
                   ? "interrupted; with -o FILE.json no finished prompt would be lost"
                   : "every finished prompt is kept beside " + options_.out +
                         "; --resume does the others");
    throw Interrupted();
  }
  for (RetrievalSample sample : scores.samples) {
    sample.mask += first;
    all.push_back(std::move(sample));
  }
  std::stable_sort(all.begin(), all.end(), [](const RetrievalSample& a, const RetrievalSample& b) {
    return std::pair(a.mask, a.prompt) < std::pair(b.mask, b.prompt);
  });
}

void run_all(NiahRun& run, const MaskPlan& plan, NiahResult& result, const ModelConfig& config) {
  const auto add_masks = [&](const std::vector<HeadId>& ranked) {
    for (HeadMask mask : plan.masks) {
      mask.ranked = ranked;
      masked_heads(mask, 0, "");  // throws if there are not so many
      result.masks.push_back(mask);
    }
  };
  if (plan.ranking.empty()) {
    check_counts(plan, config);
    run.run(0);
    if (!plan.masks.empty()) {
      add_masks(own_ranking(result));
      run.run(1);
    }
  } else {
    add_masks(ranking_from(plan.ranking, config));
    run.run(0);
  }
}

}  // namespace headscope
