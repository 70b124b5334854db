#include "cli/sweep/task_score_view.h"

#include <algorithm>
#include <filesystem>

#include "analyses/sweep/task_input.h"
#include "analyses/sweep/task_score.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/result_view.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

Task task_of(const TaskScoreOptions& options, const Model& model, std::uint64_t seed) {
  if (names_a_task(options.task)) {
    MakeOptions make = options.make;
    make.seed = seed;
    return make_task(options.task, model.tokenizer(), make);
  }
  return task_for(
      model,
      options.task,
      {.bos = options.make.bos,
       .unfit = options.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail});
}

std::string_view to_string(Verdict verdict) {
  return verdict == Verdict::does      ? "does"
         : verdict == Verdict::in_part ? "in part"
         : verdict == Verdict::cannot  ? "cannot"
                                       : "too few items";
}

std::string sentence(const std::string& model, const Judgement& found) {
  const std::string_view says = found.verdict == Verdict::does      ? "does this task"
                                : found.verdict == Verdict::in_part ? "does this task in part"
                                : found.verdict == Verdict::cannot
                                    ? "cannot do this task"
                                    : "cannot be judged by so few items";
  return fmt::format("{} {}: {}.", model, says, found.reason);
}

struct Scored {
  OrderedJson json = OrderedJson::object();
  Table table{{{"metric"}, {"clean [95 %]"}, {"corrupted [95 %]"}}};
};

Scored scored(const TaskScore& score, const SummaryOptions& options) {
  Scored out;
  for (std::size_t i = 0; i < score.metrics.size(); ++i) {
    const std::string name(score.metrics[i]->name);
    const Summary clean = summarize(score.values[i].clean, options);
    const Summary corrupted = summarize(score.values[i].corrupted, options);
    out.json[name] = {{"clean", json_of(clean)}, {"corrupted", json_of(corrupted)}};
    out.table.row({name, with_interval(clean), with_interval(corrupted)});
  }
  return out;
}

void check(const TaskScoreOptions& options) {
  if (options.model.empty()) {
    throw UsageError("task score needs MODEL, the model to score");
  }
  // What is wrong is told before the model is loaded.
  if (names_a_task(options.task)) {
    task_maker(options.task);
  }
  for (const std::string& name : options.metrics) {
    find_metric(name);
  }
}

}  // namespace

bool names_a_task(const std::string& text) {
  return text.find_first_of("./") == std::string::npos && !path_exists(text);
}

void show_task_score(const TaskScoreOptions& options, const Invocation& invocation) {
  check(options);
  const CommonOptions& common = invocation.common;
  const Model model = load_model(options.model, load_options(common));
  const Task task = task_of(options, model, common.seed);
  const SummaryOptions summary{.seed = common.seed};
  const TaskScore score = score_task(model, task, options.metrics, summary);
  const Judgement& found = score.judgement;
  const Scored scores = scored(score, summary);
  const std::string says = sentence(model.source().name, found);
  show(invocation,
       {{"task", task.name},
        {"model", model.source().name},
        {"items", task.items.size()},
        {"hash", task.hash},
        {"metrics", scores.json},
        {"drop", json_of(found.drop)},
        {"verdict", std::string(to_string(found.verdict))},
        {"sentence", says},
        {"rule", verdict_rule()}},
       facts({{"task", fmt::format("{}, {}", task.name, counted(task.items.size(), "item"))},
              {"model", model.source().name}}) +
           "\n" + scores.table.text() + "\n" + says + "\n(" + verdict_rule() + ")\n");
}

}  // namespace headscope
