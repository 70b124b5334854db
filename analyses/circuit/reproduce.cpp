#include "analyses/circuit/reproduce.h"

#include <algorithm>
#include <map>

#include "analyses/circuit/attention_to.h"
#include "analyses/sweep/baselines.h"
#include "analyses/task/maker.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::vector<double> clean_metric(const Model& model, const Task& task, const Metric& metric) {
  return baselines_of(model, task.items, Scoring(metric, task.items, model)).clean;
}

std::uint64_t test_seed(const ReproduceOptions& options, std::int64_t test) {
  return options.seed + 1 + static_cast<std::uint64_t>(test);
}

// Heads of the classes that write to the logits.
std::vector<HeadId> writers(const Reproduced& result) {
  std::vector<HeadId> heads;
  for (const HeadClass& each : result.found.circuit.classes) {
    const DiscoveryStage& first = result.what->stages.front();
    if (each.name == first.name || each.name == first.opposing) {
      heads.insert(heads.end(), each.heads.begin(), each.heads.end());
    }
  }
  return heads;
}

CopyScore mean_of_all(const std::vector<CopyScore>& scores) {
  CopyScore mean;
  for (const CopyScore& score : scores) {
    mean.copies += score.copies / static_cast<double>(scores.size());
    mean.suppresses += score.suppresses / static_cast<double>(scores.size());
  }
  return mean;
}

class Reproducer {
 public:
  Reproducer(const Model& model, const Reproduction& what, const ReproduceOptions& options)
      : model_(model), options_(options), metric_(find_metric(what.metric)) {
    result_.what = &what;
  }

  Reproduced run() {
    result_.task = task(options_.discovery_items, options_.seed);
    draw_tests();  // before anything runs: too few items are refused at once
    describe();
    find();
    if (!result_.stopped) {
      look();
      test();
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] Task task(std::int64_t items, std::uint64_t seed) const {
    return task_of_circuit(model_.tokenizer(), *result_.what, items, seed);
  }
  void tell(const std::string& step, double part) const {
    if (options_.progress) {
      options_.progress(step, part);
    }
  }
  void draw_tests();
  bool stopped() {
    result_.stopped = result_.stopped || (options_.stop && options_.stop());
    return result_.stopped;
  }
  void describe();
  void find();
  void look();
  void test();
  void compare_with_random(const CircuitEvaluator& evaluator);

  const Model& model_;
  const ReproduceOptions& options_;
  const Metric& metric_;
  Reproduced result_;
  std::vector<Task> tests_;
};

void Reproducer::describe() {
  tell("both runs", 0.0);
  const Task& prompts = result_.task;
  const Scoring scoring(metric_, prompts.items, model_);
  const Baselines baselines = baselines_of(model_, prompts.items, scoring);
  result_.clean = summarize(baselines.clean, {.seed = options_.seed});
  result_.corrupted = summarize(baselines.corrupted, {.seed = options_.seed});
  result_.accuracy =
      summarize(clean_metric(model_, prompts, find_metric("accuracy")), {.seed = options_.seed});
  std::vector<double> ahead;
  const std::string likelier = metric_.full_vocabulary ? result_.what->metric : "logit_margin";
  for (const double value : clean_metric(model_, prompts, find_metric(likelier))) {
    ahead.push_back(value > 0 ? 1.0 : 0.0);
  }
  result_.ahead = summarize(ahead, {.seed = options_.seed});
}

void Reproducer::find() {
  const auto& stages = result_.what->stages;
  DiscoveryOptions discovery{.stages = stages,
                             .metric = &metric_,
                             .memory = options_.memory,
                             .least = options_.least,
                             .most = options_.most,
                             .seed = options_.seed};
  discovery.stop = options_.stop;
  discovery.progress = [&](const DiscoveryStage& stage, const SweepProgress& progress) {
    const auto index = static_cast<double>(
        std::find_if(
            stages.begin(), stages.end(), [&](const auto& s) { return s.name == stage.name; }) -
        stages.begin());
    const double part = static_cast<double>(progress.done) / static_cast<double>(progress.total);
    tell("paths to " + (stage.into.empty() ? "the logits" : stage.into),
         0.8 * (index + part) / static_cast<double>(stages.size()));
  };
  result_.found = discover(model_, result_.task, discovery);
  result_.stopped = result_.found.stopped;
  result_.classed = result_.found.circuit;
}

void Reproducer::look() {
  tell("where heads look and what they copy", 0.8);
  const Reproduction& what = *result_.what;
  result_.copiers = writers(result_);
  if (!what.copied.empty()) {
    result_.copying = copy_scores(model_, result_.task, result_.copiers, what.copied);
    result_.average_copying = mean_of_all(copy_scores(
        model_, result_.task, head_grid(model_.config()).heads(), what.copied, 5, options_.stop));
  }
  result_.classed = classed_by_writing(
      result_.found.circuit, what.stages.front(), result_.copiers, result_.copying);
  for (const HeadClass& heads : result_.classed.classes) {
    if (stopped()) {
      return;
    }
    if (!heads.heads.empty()) {
      result_.attention.push_back(
          {heads, attention_to(model_, result_.task, heads, what.looks_at)});
    }
  }
}

void Reproducer::draw_tests() {
  for (std::int64_t i = 0; i < options_.seeds; ++i) {
    const std::uint64_t seed = test_seed(options_, i);
    tests_.push_back(with_partners(task(options_.test_items, seed)));
    result_.tests.push_back({.seed = seed, .task_hash = tests_.back().hash});
    for (const TaskItem& item : tests_.back().items) {
      result_.tests.back().templates.push_back(item.template_name);
    }
  }
}

void Reproducer::test() {
  for (std::size_t i = 0; i < tests_.size(); ++i) {
    if (stopped()) {
      return;
    }
    tell("tests on other prompts",
         0.85 + 0.15 * static_cast<double>(i) / static_cast<double>(tests_.size()));
    const CircuitEvaluator evaluator(model_, tests_[i], metric_);
    result_.tests[i].metric = evaluator.run(result_.found.circuit);
    if (i == 0) {
      compare_with_random(evaluator);
    }
  }
}

void Reproducer::compare_with_random(const CircuitEvaluator& evaluator) {
  const HeadCircuit& circuit = result_.found.circuit;
  if (2 * circuit.heads().size() > head_grid(model_.config()).size()) {
    return;  // too few others to draw from: the comparison is left out
  }
  for (std::int64_t i = 0; i < options_.random_circuits && !stopped(); ++i) {
    const HeadCircuit random =
        random_circuit(circuit, model_.config(), options_.seed + static_cast<std::uint64_t>(i));
    const auto share =
        share_of(evaluator.metric_with(random, Kept::circuit), result_.tests.front().metric.model);
    if (share) {
      result_.random.push_back(*share);
    }
  }
}

}  // namespace

Task task_of_circuit(const Tokenizer& tokenizer,
                     const Reproduction& what,
                     std::int64_t items,
                     std::uint64_t seed) {
  return make_task(what.task,
                   tokenizer,
                   {.n = items, .seed = seed, .corruption = what.corruption, .templates = {}});
}

static void check_sizes(const ReproduceOptions& options) {
  if (options.discovery_items < 2 || options.test_items < 2 || options.seeds < 1) {
    throw UsageError("a reproduction needs two prompts and one test at least");
  }
}

void check_reproduction(const Tokenizer& tokenizer,
                        const Reproduction& what,
                        const ReproduceOptions& options) {
  check_sizes(options);
  task_of_circuit(tokenizer, what, options.discovery_items, options.seed);
  for (std::int64_t i = 0; i < options.seeds; ++i) {
    with_partners(task_of_circuit(tokenizer, what, options.test_items, test_seed(options, i)));
  }
}

Reproduced reproduce(const Model& model,
                     const Reproduction& what,
                     const ReproduceOptions& options) {
  check_sizes(options);
  return Reproducer(model, what, options).run();
}

Ability ability_of(const Reproduced& result) {
  return result.clean.low > 0    ? Ability::does
         : result.clean.high < 0 ? Ability::does_the_opposite
                                 : Ability::unclear;
}

std::vector<double> faithfulness_by_test(const Reproduced& result) {
  std::vector<double> values;
  for (const CircuitTest& test : result.tests) {
    if (const auto value = faithfulness(test.metric)) {
      values.push_back(*value);
    }
  }
  return values;
}

std::vector<double> faithfulness_by_template(const Reproduced& result) {
  std::map<std::string, FaithfulnessResult> pooled;
  for (const CircuitTest& test : result.tests) {
    for (std::size_t i = 0; i < test.templates.size(); ++i) {
      pooled[test.templates[i]].circuit.push_back(test.metric.circuit[i]);
      pooled[test.templates[i]].model.push_back(test.metric.model[i]);
    }
  }
  std::vector<double> values;
  for (const auto& [name, items] : pooled) {
    if (const auto value = faithfulness(items)) {
      values.push_back(*value);
    }
  }
  return values;
}

}  // namespace headscope
