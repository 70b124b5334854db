#include "analyses/circuit/reproduce.h"

#include <map>

#include "analyses/circuit/attention_to.h"
#include "analyses/sweep/baselines.h"
#include "analyses/task/makers.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::vector<double> clean_metric(const Model& model, const Task& task, const Metric& metric) {
  return baselines_of(model, task.items, Scoring(metric, task.items, model.config().d_vocab)).clean;
}

// Heads of the classes that write to the logits.
std::vector<CircuitHead> writers(const Reproduced& result) {
  std::vector<CircuitHead> heads;
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

std::vector<CircuitHead> all_heads(const ModelConfig& config) {
  std::vector<CircuitHead> heads;
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (std::int64_t head = 0; head < config.n_heads; ++head) {
      heads.push_back({layer, head});
    }
  }
  return heads;
}

class Reproducer {
 public:
  Reproducer(const Model& model, const Reproduction& what, const ReproduceOptions& options)
      : model_(model), options_(options), metric_(find_metric(what.metric)) {
    result_.what = &what;
  }

  Reproduced run() {
    result_.task = task(options_.discovery_items, options_.seed);
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
    const Reproduction& what = *result_.what;
    return make_task(what.task,
                     model_.tokenizer(),
                     {.n = items, .seed = seed, .corruption = what.corruption, .templates = {}});
  }
  void tell(const std::string& step, double part) const {
    if (options_.progress) {
      options_.progress(step, part);
    }
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
};

void Reproducer::describe() {
  tell("both runs", 0.0);
  const Task& prompts = result_.task;
  const Scoring scoring(metric_, prompts.items, model_.config().d_vocab);
  const Baselines baselines = baselines_of(model_, prompts.items, scoring);
  result_.clean = summarize(baselines.clean);
  result_.corrupted = summarize(baselines.corrupted);
  result_.accuracy = summarize(clean_metric(model_, prompts, find_metric("accuracy")));
  std::vector<double> ahead;
  for (const double value : baselines.clean) {
    ahead.push_back(value > 0 ? 1.0 : 0.0);
  }
  result_.ahead = summarize(ahead);
}

void Reproducer::find() {
  const auto& stages = result_.what->stages;
  DiscoveryOptions discovery{.stages = stages,
                             .metric = &metric_,
                             .memory = options_.memory,
                             .least = options_.least,
                             .most = options_.most};
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
}

void Reproducer::look() {
  tell("where heads look and what they copy", 0.8);
  const Reproduction& what = *result_.what;
  for (const HeadClass& heads : result_.found.circuit.classes) {
    if (!heads.heads.empty()) {
      result_.attention.push_back(
          {heads, attention_to(model_, result_.task, heads, what.looks_at)});
    }
  }
  result_.copiers = writers(result_);
  if (!what.copied.empty()) {
    result_.copying = copy_scores(model_, result_.task, result_.copiers, what.copied);
    result_.average_copying =
        mean_of_all(copy_scores(model_, result_.task, all_heads(model_.config()), what.copied));
  }
}

void Reproducer::test() {
  for (std::int64_t i = 0; i < options_.seeds; ++i) {
    if (options_.stop && options_.stop()) {
      result_.stopped = true;
      return;
    }
    tell("tests on other prompts",
         0.85 + 0.15 * static_cast<double>(i) / static_cast<double>(options_.seeds));
    CircuitTest one{
        .seed = options_.seed + 1 + static_cast<std::uint64_t>(i), .templates = {}, .metric = {}};
    const Task prompts = with_partners(task(options_.test_items, one.seed));
    for (const TaskItem& item : prompts.items) {
      one.templates.push_back(item.template_name);
    }
    const CircuitEvaluator evaluator(model_, prompts, metric_);
    one.metric = evaluator.run(result_.found.circuit);
    result_.tests.push_back(std::move(one));
    if (i == 0) {
      compare_with_random(evaluator);
    }
  }
}

void Reproducer::compare_with_random(const CircuitEvaluator& evaluator) {
  const double whole = mean_of(result_.tests.front().metric.model);
  for (std::int64_t i = 0; i < options_.random_circuits; ++i) {
    const HeadCircuit random = random_circuit(
        result_.found.circuit, model_.config(), options_.seed + static_cast<std::uint64_t>(i));
    result_.random.push_back(mean_of(evaluator.metric_with(random, Kept::circuit)) / whole);
  }
}

}  // namespace

Reproduced reproduce(const Model& model,
                     const Reproduction& what,
                     const ReproduceOptions& options) {
  if (options.discovery_items < 2 || options.test_items < 2 || options.seeds < 1) {
    throw UsageError("a reproduction needs two prompts and one test at least");
  }
  return Reproducer(model, what, options).run();
}

bool does_the_task(const Reproduced& result) {
  return result.clean.low > 0 || result.clean.high < 0;
}

std::vector<double> faithfulness_by_test(const Reproduced& result) {
  std::vector<double> values;
  for (const CircuitTest& test : result.tests) {
    values.push_back(faithfulness(test.metric));
  }
  return values;
}

std::vector<double> faithfulness_by_template(const Reproduced& result) {
  std::map<std::string, std::pair<double, double>> sums;  // circuit, model
  for (const CircuitTest& test : result.tests) {
    for (std::size_t i = 0; i < test.templates.size(); ++i) {
      sums[test.templates[i]].first += test.metric.circuit[i];
      sums[test.templates[i]].second += test.metric.model[i];
    }
  }
  std::vector<double> values;
  for (const auto& [name, sum] : sums) {
    values.push_back(sum.first / sum.second);
  }
  return values;
}

}  // namespace headscope
