#include <algorithm>
#include <optional>

#include "analyses/head_detectors/detectors.h"
#include "analyses/retrieval/niah.h"
#include "lib/base/error.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

constexpr std::int64_t kContext = 512;

// One prompt a needle and depth; the draw of a seed is its depths.
std::vector<RetrievalPrompt> prompts_for(const Model& model, std::uint64_t seed) {
  NiahOptions options;
  options.form = form_for(model.tokenizer());
  options.contexts = {std::min(kContext, model.config().n_ctx - 64)};
  Random random(seed, "retrieval depths");
  for (const double quarter : {0.0, 25.0, 50.0, 75.0}) {
    options.depths.push_back(quarter + static_cast<double>(random.below(2500)) / 100.0);
  }
  std::vector<RetrievalPrompt> prompts;
  for (NiahPrompt& each : niah_prompts(model.tokenizer(), own_haystack(), own_needles(), options)) {
    prompts.push_back(std::move(each.prompt));
  }
  return prompts;
}

Finding look(const DetectorContext& context) {
  Finding finding;
  std::int64_t asked = 0;
  for (const std::uint64_t seed : context.seeds) {
    const auto prompts = prompts_for(context.model, seed);
    RetrievalOptions options;
    options.seed = seed;
    options.stop = context.stop;
    const RetrievalScores scores = retrieval_scores(context.model, prompts, options);
    asked += static_cast<std::int64_t>(scores.samples.size());
    for (const RetrievalSample& sample : scores.samples) {
      if (sample.passed) {
        ++finding.scores.samples;
        finding.scores.values.insert(
            finding.scores.values.end(), sample.count.begin(), sample.count.end());
      }
    }
    if (context.stop && context.stop()) {
      break;
    }
  }
  if (finding.scores.samples == 0) {
    throw UndefinedForModel(
        "the model found the needle in none of {} prompts of {} tokens, and a head is "
        "scored where it is found (headscope niah --template, other needles)",
        asked,
        kContext);
  }
  finding.notes["form"] = form_for(context.model.tokenizer());
  finding.notes["prompts"] = asked;
  finding.notes["needles_found"] = finding.scores.samples;
  return finding;
}

std::string retrieval_undefined(const Model& model) {
  if (!model.has_tokenizer()) {
    return "the model came without a tokenizer, and needles are text";
  }
  return model.config().n_ctx < kContext ? "a context under 512 tokens" : "";
}

}  // namespace

Detector retrieval_detector() {
  return {.name = "retrieval",
          .role = "retrieval head",
          .summary = "copies a needle out of a long context, token by token",
          .definition =
              "while a needle's answer is written by greedy decoding: the share of its tokens at "
              "whose step the head's strongest key lies in the needle and holds the token written; "
              "mean over prompts of 512 tokens in which the needle is found (ROUGE-1 recall > 50)",
          .source = "Wu et al. 2024, arXiv:2404.15574, section 2 (`headscope niah` has all of it)",
          .threshold = 0.1,
          .threshold_source = "Wu et al. 2024; 0.5 is a strong one",
          .undefined = retrieval_undefined,
          .reading = std::nullopt,
          .run = look,
          .behaviour = Probe(Probe::task, "key_retrieval")};
}

}  // namespace headscope
