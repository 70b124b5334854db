#include "analyses/retrieval/niah_run.h"

#include <algorithm>
#include <map>

#include "analyses/retrieval/retrieval_run.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

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
void check_counts(const std::vector<HeadMask>& masks, const ModelConfig& config) {
  for (HeadMask mask : masks) {
    mask.ranked = head_grid(config).heads();
    masked_heads(mask, 0, "");
  }
}

void add_masks(NiahResult& result,
               const std::vector<HeadMask>& masks,
               const std::vector<HeadId>& ranked) {
  for (HeadMask mask : masks) {
    mask.ranked = ranked;
    masked_heads(mask, 0, "");  // throws if there are not so many
    result.masks.push_back(mask);
  }
}

class NiahRounds {
 public:
  NiahRounds(const Model& model, NiahResult& result, NiahLog& log, const NiahRunOptions& options)
      : options_(options), model_(model), result_(result), log_(log) {
    for (const NiahPrompt& prompt : result.prompts) {
      prompts_.push_back(prompt.prompt);
    }
    result_.scores.grid = head_grid(model.config());
  }

  // The samples of result.masks[first …]; false if stopped.
  bool run(std::size_t first);

 private:
  void take(const std::vector<LoggedSample>& finished, std::size_t first);
  void run_shared(std::size_t first);
  [[nodiscard]] RetrievalOptions retrieval_options(std::size_t first) const;
  void sort_samples();

  const NiahRunOptions& options_;
  const Model& model_;
  NiahResult& result_;
  NiahLog& log_;
  std::vector<RetrievalPrompt> prompts_;
};

// Those of result.masks[first …].
void NiahRounds::take(const std::vector<LoggedSample>& finished, std::size_t first) {
  std::map<std::string, std::size_t> masks;
  std::map<std::string, std::size_t> prompts;
  for (std::size_t mask = first; mask < result_.masks.size(); ++mask) {
    masks[result_.masks[mask].name()] = mask;
  }
  for (std::size_t prompt = 0; prompt < prompts_.size(); ++prompt) {
    prompts[prompts_[prompt].id] = prompt;
  }
  for (const LoggedSample& logged : finished) {
    if (masks.contains(logged.mask) && prompts.contains(logged.prompt)) {
      RetrievalSample sample = logged.sample;
      sample.mask = masks[logged.mask];
      sample.prompt = prompts[logged.prompt];
      result_.scores.samples.push_back(sample);
    }
  }
}

RetrievalOptions NiahRounds::retrieval_options(std::size_t first) const {
  RetrievalOptions options = options_.retrieval;
  options.masks.assign(result_.masks.begin() + static_cast<std::ptrdiff_t>(first),
                       result_.masks.end());
  options.done = [this](const HeadMask& mask, const RetrievalPrompt& prompt) {
    return log_.has(mask.name(), prompt.id);
  };
  return options;
}

void NiahRounds::sort_samples() {
  std::vector<RetrievalSample>& all = result_.scores.samples;
  std::stable_sort(all.begin(), all.end(), [](const RetrievalSample& a, const RetrievalSample& b) {
    return std::pair(a.mask, a.prompt) < std::pair(b.mask, b.prompt);
  });
}

// A batch of prompts, under all masks, is a piece.
void NiahRounds::run_shared(std::size_t first) {
  RetrievalOptions options = retrieval_options(first);
  options.done = {};
  options.stop = [this] { return options_.work->stopped(); };
  const std::vector<PromptRows> batches = retrieval_batches(model_, prompts_, options);
  RetrievalRun batch(model_, prompts_, options);
  const auto run = [&](std::int64_t piece) {
    Json lines = Json::array();
    try {
      for (const RetrievalSample& sample : batch.run(batches[static_cast<std::size_t>(piece)])) {
        lines.push_back(to_json(LoggedSample{.mask = options.masks[sample.mask].name(),
                                             .prompt = prompts_[sample.prompt].id,
                                             .sample = sample}));
      }
    } catch (const RetrievalStopped&) {
      throw Interrupted();
    }
    return lines;
  };
  std::vector<LoggedSample> finished;
  for (const SharedWork::Piece& piece :
       options_.work->run(fmt::format("niah{}", first), std::ssize(batches), run)) {
    for (const Json& line : piece.value) {
      finished.push_back(logged_sample_of(line));
    }
  }
  take(finished, first);
  sort_samples();
}

bool NiahRounds::run(std::size_t first) {
  if (options_.work != nullptr) {
    run_shared(first);
    return true;
  }
  take(log_.found(), first);
  std::vector<RetrievalSample>& all = result_.scores.samples;
  const auto wanted = static_cast<std::int64_t>((result_.masks.size() - first) * prompts_.size());
  if (options_.begin) {
    options_.begin(wanted, std::count_if(all.begin(), all.end(), [&](const RetrievalSample& s) {
                     return s.mask >= first;
                   }));
  }
  const RetrievalScores scores = retrieval_scores(
      model_, prompts_, retrieval_options(first), [&](const RetrievalSample& sample) {
        log_.add({.mask = result_.masks[first + sample.mask].name(),
                  .prompt = prompts_[sample.prompt].id,
                  .sample = sample});
        if (options_.each) {
          options_.each();
        }
      });
  for (RetrievalSample sample : scores.samples) {
    sample.mask += first;
    all.push_back(std::move(sample));
  }
  sort_samples();
  return !scores.stopped;
}

}  // namespace

bool run_niah(const Model& model, NiahResult& result, NiahLog& log, const NiahRunOptions& options) {
  NiahRounds rounds(model, result, log, options);
  if (!options.ranking.empty()) {  // one round: masks and the unmasked run share its batches
    add_masks(result, options.masks, options.ranking);
    return rounds.run(0);
  }
  check_counts(options.masks, model.config());
  if (!rounds.run(0)) {
    return false;
  }
  if (options.masks.empty()) {
    return true;
  }
  add_masks(result, options.masks, own_ranking(result));
  return rounds.run(1);
}

}  // namespace headscope
