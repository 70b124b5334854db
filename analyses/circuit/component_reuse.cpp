#include "analyses/circuit/component_reuse.h"

#include <algorithm>
#include <set>

#include "analyses/circuit/set_attention.h"
#include "analyses/sweep/prompt_batch.h"
#include "analyses/sweep/scoring.h"
#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// For each head of `set` another of its layer, or, where there is none left, of any.
std::vector<HeadId> other_heads(const ReuseHeads& heads, const HeadGrid& grid, Random& random) {
  std::set<HeadId> taken(heads.movers.begin(), heads.movers.end());
  const std::vector<HeadId> set = heads.set();
  taken.insert(set.begin(), set.end());
  std::vector<HeadId> drawn;
  for (const HeadId& head : set) {
    std::vector<HeadId> free;
    std::vector<HeadId> near;
    for (const HeadId& other : grid.heads()) {
      if (!taken.contains(other)) {
        (other.layer == head.layer ? near : free).push_back(other);
      }
    }
    const std::vector<HeadId>& from = near.empty() ? free : near;
    if (from.empty()) {
      throw UsageError("the model has not as many other heads to compare with");
    }
    drawn.push_back(random.pick(from));
    taken.insert(drawn.back());
  }
  return drawn;
}

void add_accuracy(ReuseRun& run,
                  const Task& task,
                  const std::vector<std::int64_t>& items,
                  const Tensor& logits) {
  const Tensor likeliest = logits.argmax(1).cpu();
  for (std::size_t row = 0; row < items.size(); ++row) {
    const auto item = static_cast<std::size_t>(items[row]);
    const auto token = likeliest[static_cast<std::int64_t>(row)].item<std::int64_t>();
    const std::vector<TokenId>& answers = task.items[item].answers;
    run.accuracy[item] = std::find(answers.begin(), answers.end(), token) == answers.end() ? 0 : 1;
  }
}

}  // namespace

ReuseRun run_with_set(const Model& model,
                      const Task& task,
                      const std::vector<HeadId>& set,
                      const std::vector<HeadId>& movers) {
  const Scoring scoring(find_metric("logit_diff"), task.items, model);
  ReuseRun run{.name = {},
               .set = set,
               .accuracy = std::vector<double>(task.items.size()),
               .logit_diff = std::vector<double>(task.items.size()),
               .movers = std::vector<MoverAttention>(movers.size())};
  const std::vector<std::int64_t> wanted(scoring.vocab().begin(), scoring.vocab().end());
  for (const PromptBatch& batch : prompt_batches(task.items, kTokensWithLogits)) {
    SetAttention tap(task, batch, set, movers);
    const Tensor logits = model.forward(batch.clean, tap, {.logits = Logits::last}).logits;
    add_accuracy(run, task, batch.items, logits);
    const std::vector<double> differences = scoring.values(
        wanted.empty() ? logits : logits.index_select(1, index_tensor(wanted, logits.device())),
        batch.items,
        {});
    for (std::size_t row = 0; row < batch.items.size(); ++row) {
      run.logit_diff[static_cast<std::size_t>(batch.items[row])] = differences[row];
    }
    for (std::size_t i = 0; i < movers.size(); ++i) {
      run.movers[i].right += tap.right[i] / static_cast<double>(task.items.size());
      run.movers[i].wrong += tap.wrong[i] / static_cast<double>(task.items.size());
    }
  }
  return run;
}

double new_errors(const ReuseRun& before, const ReuseRun& after) {
  double lost = 0.0;
  for (std::size_t i = 0; i < before.accuracy.size(); ++i) {
    lost += before.accuracy[i] > after.accuracy[i] ? 1.0 : 0.0;
  }
  return lost / static_cast<double>(before.accuracy.size());
}

namespace {

using NamedSet = std::pair<std::string, std::vector<HeadId>>;

std::vector<NamedSet> sets_of(const ReuseHeads& heads) {
  std::vector<NamedSet> sets{{"as it is", {}}, {"all set", heads.set()}};
  if (!heads.inhibition.empty() && !heads.negative.empty()) {
    sets.emplace_back("inhibition heads set", heads.inhibition);
    sets.emplace_back("negative movers set", heads.negative);
  }
  return sets;
}

}  // namespace

ComponentReuse component_reuse(const Model& model,
                               const Task& task,
                               const ReuseHeads& heads,
                               const ReuseOptions& options) {
  if (heads.set().empty()) {
    throw UsageError(
        "component-reuse: no S-inhibition head and no negative mover was found in {}; name heads "
        "with --set",
        model.source().name);
  }
  ComponentReuse result{.heads = heads, .task_hash = task.hash, .runs = {}, .random = {}};
  std::vector<NamedSet> sets = sets_of(heads);
  const std::size_t fixed = sets.size();
  Random random(options.seed, "component reuse");
  for (std::int64_t draw = 0; draw < options.draws; ++draw) {
    sets.emplace_back(
        "random heads set",
        other_heads(heads, {model.config().n_layers, model.config().n_heads}, random));
  }
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (options.stop && options.stop()) {
      result.stopped = true;
      return result;
    }
    ReuseRun run = run_with_set(model, task, sets[i].second, heads.movers);
    run.name = sets[i].first;
    (i < fixed ? result.runs : result.random).push_back(std::move(run));
    if (options.progress) {
      options.progress(sets[i].first,
                       0.8 + 0.2 * static_cast<double>(i + 1) / static_cast<double>(sets.size()));
    }
  }
  return result;
}

ComponentReuse component_reuse(const Model& model, const ReuseOptions& options) {
  const Task task = reuse_prompts(model.tokenizer(), options);
  const ReuseHeads heads = reuse_heads(model, options);
  if (options.stop && options.stop()) {  // path patching may have found half of them
    return {.heads = heads, .task_hash = task.hash, .runs = {}, .random = {}, .stopped = true};
  }
  return component_reuse(model, task, heads, options);
}

}  // namespace headscope
