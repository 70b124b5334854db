// headscope task: what the built-in tasks are, and files of their prompts for a model.
#include <algorithm>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "analyses/metric/metric.h"
#include "analyses/task/maker.h"
#include "cli/choices.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/render/visible.h"
#include "cli/sweep/task_score_view.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct TaskArguments {
  std::string what;
  std::string name;
  std::string model;
  std::string out;
  bool overwrite = false;
  MakeOptions make;
  std::vector<std::string> metrics;
  bool skip_unfit = false;
};

std::string example_text(const Draft& draft) {
  const auto shown = [](const std::vector<std::string>& texts) {
    std::string line;
    for (std::size_t i = 0; i < texts.size() && i < 5; ++i) {
      line += (i == 0 ? "\"" : ", \"") + visible(texts[i], Spaces::kept) + "\"";
    }
    return texts.size() > 5 ? line + fmt::format(", … ({})", texts.size()) : line;
  };
  return facts({{"clean", visible(draft.clean.text, Spaces::kept)},
                {"corrupted", visible(draft.corrupted.text, Spaces::kept)},
                {"answers", shown(draft.answers)},
                {"wrong", shown(draft.wrong)}});
}

OrderedJson json_of(const std::vector<TaskMaker::Named>& list) {
  OrderedJson out = OrderedJson::object();
  for (const auto& entry : list) {
    out[std::string(entry.name)] = std::string(entry.what);
  }
  return out;
}

std::string named_list_text(const std::string& title, const std::vector<TaskMaker::Named>& list) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& entry : list) {
    lines.emplace_back("  " + std::string(entry.name), entry.what);
  }
  return "\n" + title + "\n" + facts(lines);
}

void list_tasks(const Invocation& invocation) {
  Table table({{"task"}, {"summary"}, {"source"}});
  for (const TaskMaker& maker : all_task_makers()) {
    table.row({std::string(maker.name), std::string(maker.summary), std::string(maker.source)});
  }
  show(invocation, {{"tasks", table.json()}}, table.text());
}

void show_task(const std::string& name, const Invocation& invocation) {
  const TaskMaker& maker = task_maker(name);
  const Draft draft = example_of(maker);
  const OrderedJson example{{"clean", draft.clean.text},
                            {"corrupted", draft.corrupted.text},
                            {"answers", draft.answers},
                            {"wrong", draft.wrong}};
  const OrderedJson words =
      maker.words.empty() ? OrderedJson::object() : OrderedJson::parse(maker.words);
  show(invocation,
       {{"task", name},
        {"summary", std::string(maker.summary)},
        {"source", std::string(maker.source)},
        {"spans", json_of(maker.spans)},
        {"corruptions", json_of(maker.corruptions)},
        {"example", example},
        {"words", words}},
       fmt::format("{}: {}\n{}\n", name, maker.summary, maker.source) +
           named_list_text("Spans", maker.spans) +
           named_list_text("Corruptions, the first unless --corruption names another",
                           maker.corruptions) +
           "\nAn example (words before a tokenizer has seen them)\n" + example_text(draft));
}

void check_make(const TaskArguments& options) {
  if (!options.out.empty() && options.overwrite) {
    check_task_output(options.out);
  }
  if (!options.overwrite && !options.out.empty() && path_exists(options.out)) {
    throw UsageError("{}: exists already; replace it with --overwrite or choose another -o",
                     options.out);
  }
  if (options.model.empty() || options.out.empty()) {
    throw UsageError(
        "task make needs NAME and MODEL, whose tokenizer the task is for, and -o FILE");
  }
}

void make(TaskArguments options, const Invocation& invocation) {
  check_make(options);
  task_maker(options.name);  // a wrong name before a model is opened
  options.make.seed = invocation.common.seed;
  const Tokenizer tokenizer = load_tokenizer(options.model);
  const Task task = make_task(options.name, tokenizer, options.make);
  write_task(task, options.out);
  const std::string redrawn =
      task.skipped == 0 ? "" : fmt::format("{} did not fit the tokenizer", task.skipped);
  show(invocation,
       {{"path", options.out},
        {"task", options.name},
        {"items", task.items.size()},
        {"unfit_draws", task.skipped},
        {"hash", task.hash},
        {"tokenizer", tokenizer.kind()}},
       facts({{"file", options.out},
              {"items", std::to_string(task.items.size())},
              {"redrawn", redrawn},
              {"tokenizer", tokenizer.kind()},
              {"hash", task.hash}}));
}

// What each of the things that `task` does reads.
void check_read(const CLI::App& app, const TaskArguments& options) {
  std::vector<std::string> reads{"WHAT"};
  const std::vector<std::string> of_made{"items", "corruption", "templates"};
  if (options.what != "list") {
    reads.emplace_back("NAME");
  }
  if (options.what == "make") {
    reads.insert(reads.end(), {"model", "overwrite", "prepend-bos", "output"});
    reads.insert(reads.end(), of_made.begin(), of_made.end());
  } else if (options.what == "score") {
    reads.insert(reads.end(), {"model", "metric", "prepend-bos"});
    if (names_a_task(options.name)) {
      reads.insert(reads.end(), of_made.begin(), of_made.end());
    } else {
      reads.emplace_back("skip-unfit");
    }
  }
  const bool file = options.what == "score" && !names_a_task(options.name);
  refuse_unread(app, "task " + options.what + (file ? " of a file" : ""), reads);
}

// The tasks' own spelling, greater_than, of one typed as reproductions are: greater-than.
void settle_name(TaskArguments& options) {
  std::string name = options.name;
  std::replace(name.begin(), name.end(), '-', '_');
  if (names_a_task(name)) {
    options.name = name;
  }
}

void run(const CLI::App& app, const TaskArguments& options, const Invocation& invocation) {
  if (options.what == "list" && !options.name.empty()) {
    throw UsageError("task list takes no name; headscope task show {} tells of one task",
                     options.name);
  }
  check_read(app, options);
  if (options.what == "list") {
    list_tasks(invocation);
  } else if (options.name.empty()) {
    throw UsageError("task {} needs the name of a task{} (headscope task list names them)",
                     options.what,
                     options.what == "score" ? ", or its file" : "");
  } else if (options.what == "show") {
    show_task(options.name, invocation);
  } else if (options.what == "score") {
    show_task_score({.task = options.name,
                     .model = options.model,
                     .make = options.make,
                     .metrics = options.metrics,
                     .skip_unfit = options.skip_unfit},
                    invocation);
  } else {
    make(options, invocation);
  }
}

void add_options(CLI::App& app, TaskArguments& options) {
  app.add_option("WHAT", options.what, "list, show, make or score")
      ->required()
      ->check(CLI::IsMember({"list", "show", "make", "score"}));
  app.add_option("NAME",
                 options.name,
                 "The task: " + names_of(all_task_makers()) + "; score takes a file of one too");
  app.add_option("MODEL,--model",
                 options.model,
                 "Make it for this model's tokenizer (weights unread), or score this model");
  app.add_option("-n,--items", options.make.n, "Items to make")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
  app.add_option("--corruption",
                 options.make.corruption,
                 "How the corrupted prompt differs: one that task show NAME lists")
      ->default_str("the task's first");
  app.add_option("--templates",
                 options.make.templates,
                 "JSON of templates and words in place of ours; also the published files of IOI "
                 "and colored objects");
  app.add_option("--metric",
                 options.metrics,
                 "Metrics to score by beside the usual ones: " + names_of(all_metrics()))
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--skip-unfit", options.skip_unfit, "Leave out items that do not fit the tokenizer");
  add_prepend_bos(app, options.make.bos);
  add_output(app, options.out, "The JSONL file to write");
}

}  // namespace

Verb task_verb() {
  return {
      .name = "task",
      .summary = "Pairs of prompts that differ in one thing: what there is, and files of them",
      .example =
          "  headscope task list\n"
          "  headscope task show ioi\n"
          "  headscope task make ioi smollm2 -n 100 --seed 0 -o ioi.jsonl\n"
          "  headscope task make ioi smollm2 --corruption s2_io --templates mine.json -o "
          "mine.jsonl\n"
          "  headscope task score ioi.jsonl smollm2",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<TaskArguments>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          settle_name(*options);
          run(app, *options, invocation);
        };
      },
  };
}

}  // namespace headscope
