// headscope lens: what a model would say at every layer, and what its parts write into the logits.
#include "analyses/lens/lens.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <CLI/CLI.hpp>

#include "analyses/sweep/task_input.h"
#include "analyses/sweep/trace_words.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/lens/lens_report.h"
#include "cli/output.h"
#include "cli/prompt_options.h"
#include "cli/render/page_policy.h"
#include "cli/render/progress.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/run.h"

namespace headscope {
namespace {

struct LensArguments {
  std::string model;
  PromptArguments prompts;
  std::string task;
  std::string run = "clean";
  std::vector<std::string> of{"residual"};
  std::string positions;
  std::string answer;
  std::string tuned;
  std::string trace;
  std::string intervene;
  std::string out;
  std::int64_t top = 5;
};

std::string ending_of(const LensArguments& options) {
  return std::filesystem::path(options.out).extension().string();
}

void check_lens_options(const LensArguments& options) {
  const std::string ending = ending_of(options);
  if (!options.out.empty() && ending != ".html" && ending != ".json" && ending != ".csv") {
    throw UsageError("-o {}: a lens is written as .html, .json or .csv", options.out);
  }
  if (ending == ".html") {
    check_page_output(options.out);
  }
  const bool prompts = !options.prompts.file.empty() || !options.prompts.texts.empty();
  if (prompts == !options.task.empty()) {
    throw UsageError("lens needs --prompt TEXT, --prompts FILE or --task FILE, one of them");
  }
  if (!options.answer.empty() && !options.task.empty()) {
    throw UsageError("--answer is for prompts; a task has its own answers");
  }
}

// What a text adds behind a prompt, if that is one token.
std::int32_t answer_token(const Model& model, const Prompt& prompt, const LensArguments& options) {
  const auto whole = model.tokenizer().encode(prompt.text + options.answer, options.prompts.bos);
  const std::size_t before = prompt.tokens.size();
  if (whole.size() != before + 1 ||
      !std::equal(prompt.tokens.begin(), prompt.tokens.end(), whole.begin())) {
    throw UsageError(
        "--answer \"{}\": behind \"{}\" it is no token of its own; a word often begins with a "
        "blank",
        options.answer,
        prompt.text);
  }
  return whole.back();
}

std::vector<LensQuestion> questions_of(const LensArguments& options, const Model& model) {
  std::vector<LensQuestion> questions;
  if (!options.task.empty()) {
    const Task task = task_for(model, options.task, {.bos = options.prompts.bos});
    for (const TaskItem& item : task.items) {
      questions.push_back({item.prompt(parse_run(options.run)), item.answers});
      questions.back().prompt.id = item.id;
    }
    return questions;
  }
  for (Prompt& prompt : prompts_of(options.prompts, model, "lens needs prompts")) {
    questions.push_back({std::move(prompt)});
    if (!options.answer.empty()) {
      questions.back().answers = {answer_token(model, questions.back().prompt, options)};
    }
  }
  return questions;
}

// A page of prompts shows every token; tables and tasks the last one.
LensPositions positions_of(const LensArguments& options) {
  if (options.positions.empty()) {
    return ending_of(options) == ".html" && options.task.empty() ? LensPositions::all
                                                                 : LensPositions::last;
  }
  return options.positions == "all" ? LensPositions::all : LensPositions::last;
}

std::vector<LensPart> parts_of(const LensArguments& options) {
  std::vector<LensPart> parts;
  for (const std::string& word : options.of) {
    const LensPart part = parse_lens_part(word);
    if (std::find(parts.begin(), parts.end(), part) == parts.end()) {
      parts.push_back(part);
    }
  }
  return parts;
}

void check_lens_trace(const StoredRun& trace,
                      const Model& model,
                      const std::vector<LensQuestion>& questions,
                      const LensArguments& options) {
  const StoredNeed need{
      .values = lens_sites(model.config(), parts_of(options)),
      .prompts = options.task.empty()
                     ? "--prompts FILE"
                     : record_task_words(options.task, options.run, {.bos = options.prompts.bos})};
  std::vector<std::vector<std::int32_t>> prompts;
  for (const LensQuestion& question : questions) {
    prompts.push_back(question.prompt.tokens);
  }
  trace.check(model, need);
  trace.check_prompts(model, need, prompts);
}

LensReport read(const LensArguments& options, const Model& model, const Invocation& invocation) {
  LensReport report{
      .model = model,
      .rows = lens_rows(model.config(), parts_of(options)),
      .questions = questions_of(options, model),
      .answers = {},
      .provenance =
          provenance(model, {invocation.command_line, invocation.common.seed, options.prompts.bos}),
      .task = options.task,
      .tuned = options.tuned};
  const auto trace = open_trace(options.trace);
  if (trace) {
    check_lens_trace(*trace, model, report.questions, options);
  }
  TunedLens tuned;
  if (!options.tuned.empty()) {
    tuned = read_tuned_lens(options.tuned, model);
  }
  Progress bar(static_cast<std::int64_t>(report.questions.size()), {.label = "reading"});
  std::int64_t shown = 0;
  auto answers =
      read_by_lens(model,
                   report.questions,
                   {.parts = parts_of(options),
                    .positions = positions_of(options),
                    .top = static_cast<std::size_t>(options.top),
                    .tuned = options.tuned.empty() ? nullptr : &tuned,
                    .stored = trace.get(),
                    .progress = [&](std::int64_t done,
                                    std::int64_t) { bar.add(done - std::exchange(shown, done)); },
                    .stop = interrupted});
  if (!answers) {
    throw Interrupted();
  }
  report.answers = std::move(*answers);
  return report;
}

void run(const LensArguments& options, const Invocation& invocation) {
  catch_interrupts();
  check_lens_options(options);
  parts_of(options);
  const Model model = load_with(options.model, invocation.common, options.intervene);
  const LensReport report = read(options, model, invocation);
  check_fired(model);
  const std::string ending = ending_of(options);
  if (ending == ".html") {
    write_file(options.out, lens_page(report));
  } else if (ending == ".csv") {
    write_file(options.out, lens_csv(report));
  } else if (ending == ".json") {
    write_file(options.out, lens_json(report).dump(1) + "\n");
  }
  show(invocation,
       invocation.common.json ? lens_json(report) : OrderedJson(),
       options.out.empty() ? lens_text(report) : "wrote " + options.out + "\n");
}

void add_sources(CLI::App& app, LensArguments& options) {
  add_model(app, options.model);
  add_prompts(app, options.prompts);
  app.add_option("--task", options.task, "A task file (headscope task make): its answers' ranks");
  app.add_option("--run", options.run, "Of a task: clean or corrupted prompts")
      ->check(CLI::IsMember({"clean", "corrupted"}))
      ->capture_default_str();
  app.add_option("--answer", options.answer, "The right token behind a prompt, as \" Paris\"");
  app.add_option("--trace",
                 options.trace,
                 "A trace (headscope record) of these prompts, read instead of run; an error says "
                 "which hook points it needs");
}

void add_options(CLI::App& app, LensArguments& options) {
  add_sources(app, options);
  app.add_option("--of", options.of, "residual, attention, mlp, heads; several by commas")
      ->delimiter(',')
      ->default_str("residual");
  app.add_option("--positions",
                 options.positions,
                 "last or all tokens; default: all of a page of prompts, else last")
      ->check(CLI::IsMember({"last", "all"}));
  app.add_option("--top", options.top, "Likeliest tokens kept of each reading")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--tuned",
                 options.tuned,
                 "A folder of the tuned-lens package, its params.pt saved as params.safetensors");
  add_output(app, options.out, "A page (.html), or all numbers as .json or .csv");
  add_intervene(app, options.intervene);
}

}  // namespace

Verb lens_verb() {
  return {
      .name = "lens",
      .summary = "Logit lens: what a model would say at every layer, and what parts write",
      .example =
          "  headscope lens smollm2 --prompt \"The Eiffel Tower stands in the city of\" --answer "
          "\" Paris\"\n"
          "  headscope lens smollm2 --prompt \"The Eiffel Tower stands in the city of\" -o "
          "lens.html\n"
          "  headscope lens smollm2 --task ioi.jsonl --of residual,attention,heads -o ranks.csv\n"
          "\n"
          "The stream is read by the model's own final norm and W_U. Attention, MLPs and heads are "
          "read as\nshares of the logits, the final norm's divisor frozen, so they have ranks and "
          "no probabilities.\nRank 1 is the likeliest token. The right one is the prompt's next "
          "token; behind its last one\n--answer, a task's answers, or else the model's own choice.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<LensArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
