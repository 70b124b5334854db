#include "analyses/head_detectors/masking_experiment.h"

#include "analyses/metric/summary.h"
#include "analyses/retrieval/niah.h"
#include "lib/base/head_scores.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

std::vector<HeadMask> masks_of(const std::vector<HeadId>& ranked, MaskMode mode, int draws) {
  std::vector<HeadMask> masks;
  for (const std::int64_t count : {2, 10}) {
    HeadMask mask{.choice = HeadMask::Choice::top, .count = count, .mode = mode};
    mask.ranked = ranked;
    masks.push_back(mask);
    mask.choice = HeadMask::Choice::random;
    for (int draw = 0; draw < draws; ++draw) {
      mask.draw = static_cast<std::uint64_t>(draw);
      masks.push_back(mask);
    }
  }
  return masks;
}

std::vector<RetrievalPrompt> prompts_for(const Model& model) {
  NiahOptions niah;
  niah.form = form_for(model.tokenizer());
  niah.contexts = {512};
  niah.depths = {20.0, 70.0};
  std::vector<RetrievalPrompt> prompts;
  for (NiahPrompt& each : niah_prompts(model.tokenizer(), own_haystack(), own_needles(), niah)) {
    prompts.push_back(std::move(each.prompt));
  }
  return prompts;
}

std::vector<OrderedJson> row_of(const std::string& kind,
                                std::int64_t count,
                                const std::vector<double>& recalls) {
  const Summary s = summarize(recalls);
  const auto bound = [&](double value) {
    return s.has_interval() ? OrderedJson(value) : OrderedJson();
  };
  return {kind, count, recalls.size(), s.mean, bound(s.low), bound(s.high)};
}

ResultTable curve(const Model& model,
                  const std::vector<RetrievalPrompt>& prompts,
                  const std::vector<HeadId>& ranked,
                  MaskMode mode,
                  const HeadRunOptions& options) {
  RetrievalOptions retrieval;
  retrieval.masks = masks_of(ranked, mode, options.draws);
  retrieval.masks.insert(retrieval.masks.begin(), HeadMask{});
  retrieval.stop = options.stop;
  const RetrievalScores scores = retrieval_scores(model, prompts, retrieval);
  ResultTable table{
      .caption = "ROUGE-1 recall of the needle in percent, 512 tokens, heads masked: " +
                 std::string(to_string(mode)),
      .columns = {"masked", "heads", "prompts", "recall", "95 % low", "95 % high"},
      .rows = {}};
  const auto recalls = [&](HeadMask::Choice choice, std::int64_t count) {
    // Draws of random heads are averaged by prompt: prompts are what is sampled.
    std::vector<double> sums(prompts.size());
    std::vector<double> draws(prompts.size());
    for (const RetrievalSample& sample : scores.samples) {
      const HeadMask& mask = retrieval.masks[sample.mask];
      if (mask.choice == choice && mask.count == count) {
        sums[sample.prompt] += sample.recall;
        draws[sample.prompt] += 1.0;
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] /= draws[i];
    }
    return sums;
  };
  if (scores.stopped) {
    return table;
  }
  table.rows.push_back(row_of("none", 0, recalls(HeadMask::Choice::none, 0)));
  for (const std::int64_t count : {2, 10}) {
    table.rows.push_back(row_of("top", count, recalls(HeadMask::Choice::top, count)));
    table.rows.push_back(row_of("random", count, recalls(HeadMask::Choice::random, count)));
  }
  return table;
}

}  // namespace

std::vector<ResultTable> masking_experiment(const Model& model,
                                            const Atlas& atlas,
                                            const HeadRunOptions& options) {
  const Detection* detection = atlas.find("retrieval");
  if (detection == nullptr || !detection->ran()) {
    return {};
  }
  const auto ranked = ranked_heads(detection->score);
  const auto prompts = prompts_for(model);
  std::vector<ResultTable> tables;
  for (const MaskMode mode : {MaskMode::decode_uniform, MaskMode::zero, MaskMode::mean}) {
    if (options.progress) {
      options.progress("masking: " + std::string(to_string(mode)), 1.0);
    }
    tables.push_back(curve(model, prompts, ranked, mode, options));
  }
  return tables;
}

}  // namespace headscope
