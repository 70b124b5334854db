#include "analyses/retrieval/niah_result.h"

#include <algorithm>
#include <set>

namespace headscope {
namespace {

std::vector<const RetrievalSample*> samples_of(const NiahResult& result, std::size_t mask) {
  std::vector<const RetrievalSample*> samples;
  for (const RetrievalSample& sample : result.scores.samples) {
    if (sample.mask == mask) {
      samples.push_back(&sample);
    }
  }
  return samples;
}

}  // namespace

std::vector<RetrievalHead> retrieval_heads(const NiahResult& result) {
  std::vector<RetrievalHead> heads;
  const RetrievalScores& scores = result.scores;
  for (const HeadId& head : scores.passed() > 0 ? scores.grid.heads() : std::vector<HeadId>()) {
    const auto count = scores.of_head(head, ScoreForm::count);
    const auto set = scores.of_head(head, ScoreForm::set);
    const auto active =
        std::count_if(count.begin(), count.end(), [](double score) { return score > 0; });
    heads.push_back({.head = head,
                     .score = summarize(count, {.seed = result.seed}),
                     .set = mean_of(set),
                     .active = static_cast<double>(active) / static_cast<double>(count.size())});
  }
  std::stable_sort(heads.begin(), heads.end(), [](const RetrievalHead& a, const RetrievalHead& b) {
    return a.score.mean > b.score.mean;
  });
  return heads;
}

std::int64_t heads_from(const std::vector<RetrievalHead>& heads, double least) {
  return std::count_if(heads.begin(), heads.end(), [&](const RetrievalHead& head) {
    return head.score.mean >= least;
  });
}

Accuracy accuracy_of(const NiahResult& result, std::size_t mask) {
  Accuracy accuracy;
  std::set<std::int64_t> contexts;
  std::set<double> depths;
  for (const RetrievalSample* sample : samples_of(result, mask)) {
    const NiahPrompt& prompt = result.prompts[sample->prompt];
    contexts.insert(prompt.context);
    depths.insert(prompt.depth);
    accuracy.recalls[{prompt.context, prompt.depth}].push_back(sample->recall);
  }
  accuracy.contexts.assign(contexts.begin(), contexts.end());
  accuracy.depths.assign(depths.begin(), depths.end());
  return accuracy;
}

std::vector<MaskedAccuracy> masked_accuracies(const NiahResult& result) {
  using Kind = std::pair<HeadMask::Choice, std::int64_t>;
  std::vector<Kind> order;
  std::map<Kind, std::vector<std::size_t>> draws;
  for (std::size_t mask = 0; mask < result.masks.size(); ++mask) {
    const Kind kind{result.masks[mask].choice, result.masks[mask].count};
    if (!draws.contains(kind)) {
      order.push_back(kind);
    }
    draws[kind].push_back(mask);
  }
  std::vector<MaskedAccuracy> all;
  for (const Kind& kind : order) {
    std::map<std::size_t, std::vector<double>> by_prompt;
    double passed = 0.0;
    double samples = 0.0;
    for (const std::size_t mask : draws[kind]) {
      for (const RetrievalSample* sample : samples_of(result, mask)) {
        by_prompt[sample->prompt].push_back(sample->recall);
        passed += sample->passed ? 1 : 0;
        samples += 1;
      }
    }
    std::vector<double> recalls;
    for (const auto& [prompt, values] : by_prompt) {
      recalls.push_back(mean_of(values));
    }
    if (!recalls.empty()) {
      all.push_back({&result.masks[draws[kind].front()],
                     summarize(recalls, {.seed = result.seed}),
                     passed / samples,
                     draws[kind].size()});
    }
  }
  return all;
}

std::string kind_of(const HeadMask& mask) {
  return mask.choice == HeadMask::Choice::none  ? "none"
         : mask.choice == HeadMask::Choice::top ? "top"
                                                : "random";
}

}  // namespace headscope
