// Successor heads: Monday → Tuesday, first → second, 7 → 8.
#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/number_features.h"
#include "analyses/head_detectors/successor_score.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::size_t kSuccessorNoted = 5;  // heads
const EffectiveEmbedding kMlp{.part = EffectiveEmbedding::Part::mlp};

OrderedJson dataset_note(const Succession& data) {
  OrderedJson tasks = OrderedJson::object();
  for (const SuccessionTask& task : data.tasks) {
    tasks[task.name] = task.pairs.size();
  }
  return {{"pairs", data.pairs}, {"pairs_dropped", data.dropped}, {"tasks", tasks}};
}

// The score of the strongest heads, task by task.
OrderedJson by_task(const Tensor& hits, const Succession& data) {
  OrderedJson heads = OrderedJson::array();
  const HeadScores scores = head_scores(hits.mean(0));
  for (const HeadId& at : top_heads(scores, kSuccessorNoted)) {
    OrderedJson head = head_json(at);
    head["score"] = scores[at];
    std::int64_t begin = 0;
    for (const SuccessionTask& task : data.tasks) {
      const auto count = static_cast<std::int64_t>(task.pairs.size());
      head["tasks"][task.name] =
          hits.narrow(0, begin, count).select(1, at.layer).select(1, at.head).mean().item<double>();
      begin += count;
    }
    heads.push_back(std::move(head));
  }
  return heads;
}

OrderedJson best_of(const Tensor& hits) {
  const HeadScores scores = head_scores(hits.mean(0));
  const HeadId best = top_heads(scores, 1).front();
  OrderedJson head = head_json(best);
  head["score"] = scores[best];
  return head;
}

// The strongest head with the other readings of the definition.
OrderedJson variants(const DetectorContext& context, const Succession& data) {
  using Part = EffectiveEmbedding::Part;
  using Norm = EffectiveEmbedding::Norm;
  OrderedJson notes = OrderedJson::object();
  for (const EffectiveEmbedding which : {EffectiveEmbedding{Part::mlp, Norm::skipped},
                                         EffectiveEmbedding{Part::whole, Norm::applied},
                                         EffectiveEmbedding{Part::whole, Norm::skipped}}) {
    const Tensor hits = successor_hits(context, data.tasks, which);
    if (hits.defined()) {
      notes[to_string(which)] = best_of(hits);
    }
  }
  const Succession spaced = succession_tasks(context.model.tokenizer(), SuccessionLists::spaced);
  if (!spaced.tasks.empty()) {
    const Tensor hits = successor_hits(context, spaced.tasks, kMlp);
    if (hits.defined()) {
      notes["lists_with_leading_blank"] = best_of(hits);
      notes["lists_with_leading_blank"]["pairs"] = spaced.pairs;
    }
  }
  return notes;
}

OrderedJson number_notes(const Model& model, const HeadId& best) {
  const std::vector<TokenId> numbers = number_tokens(model.tokenizer());
  if (static_cast<std::int64_t>(numbers.size()) < kFewestNumbers) {
    return fmt::format(
        "undefined: the tokenizer has single tokens for {} numbers in a row only (it splits the "
        "others into digits), too few for classes mod 10",
        numbers.size());
  }
  const Tensor rows = effective_embedding(model, numbers, kMlp);
  OrderedJson notes{{"numbers", numbers.size()}};
  notes["mod10_probe_accuracy"] = mod10_probe(rows);
  notes["mod10_arithmetic"] = mod10_arithmetic(rows, ov_logits(model, best, numbers));
  return notes;
}

std::vector<Tensor> control_hits(const DetectorContext& context, const Succession& data) {
  std::vector<Tensor> controls;
  for (const std::uint64_t seed : context.seeds) {
    const Tensor hits = successor_hits(context, shuffled(data.tasks, seed), kMlp);
    if (!hits.defined()) {
      break;
    }
    controls.push_back(hits);
  }
  return controls;
}

Finding run_successor(const DetectorContext& context) {
  const Succession data = succession_tasks(context.model.tokenizer(), SuccessionLists::expanded);
  if (data.tasks.empty()) {
    throw UndefinedForModel("{}: the tokenizer has no ordered list of 4 single tokens",
                            context.model.source().name);
  }
  Finding finding;
  const Tensor hits = successor_hits(context, data.tasks, kMlp);
  if (!hits.defined()) {
    return finding;
  }
  finding.scores = head_samples(hits);
  finding.control = head_samples(control_hits(context, data));
  finding.notes["dataset"] = dataset_note(data);
  finding.notes["strongest_heads"] = by_task(hits, data);
  finding.notes["strongest_by_definition"] = variants(context, data);
  finding.notes["numbers_mod_10"] =
      number_notes(context.model, top_heads(head_scores(hits.mean(0)), 1).front());
  return finding;
}

std::string successor_undefined(const Model& model) {
  return model.has_tokenizer() ? "" : "no tokenizer beside the weights";
}

}  // namespace

Detector successor_detector() {
  return {
      .name = "successor",
      .role = "successor head",
      .summary = "maps a token of an ordered list to the next one: Monday to Tuesday, 7 to 8",
      .definition =
          "share of pairs, pooled over ordered lists (numbers, number words, ordinal words, days, "
          "months, their short forms, letters, roman numerals; with and without leading blank, "
          "both "
          "cases), for which MLP0(LN(W_E[t])) → norm → W_V → W_O → final norm's gain → W_U is "
          "highest "
          "for t's successor among all successors of its list; ties fail. Control: successors "
          "dealt "
          "out anew",
      .source = "Gould et al. 2023, arXiv:2312.09230, section 2",
      .threshold = 0.5,
      .threshold_source = "Gould et al.: more than half of the dataset",
      .undefined = successor_undefined,
      .run = run_successor,
  };
}

}  // namespace headscope
