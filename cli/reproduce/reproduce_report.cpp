#include "cli/reproduce/reproduce_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/output.h"
#include "cli/reproduce/circuit_drawing.h"
#include "cli/reproduce/component_reuse_view.h"
#include "cli/reproduce/head_reproduction_view.h"
#include "lib/base/counted.h"

namespace headscope {
namespace {

constexpr std::size_t kFewPrompts = 50;  // below which a page warns

void add_example(Report& report, const Reproduced& result, const Model& model) {
  const TaskItem& item = result.task.items.front();
  const auto text_of = [&](const Prompt& prompt) {
    return prompt.text.empty() ? model.tokenizer().decode(prompt.tokens) : prompt.text;
  };
  report.text(
      fmt::format("The first of {} prompts, and what it was compared with:\n\n"
                  "```\nclean      {}\ncorrupted  {}\n```\n",
                  result.task.items.size(),
                  text_of(item.clean),
                  text_of(item.corrupted)));
}

// Classes of the first stage are those of no other: its heads are classed by what they write.
bool is_of_stage(const Reproduced& result, const StageResult& stage, const HeadClass& heads) {
  const auto& stages = result.what->stages;
  const auto named = std::find_if(stages.begin(), stages.end(), [&](const DiscoveryStage& each) {
    return each.name == heads.name || each.opposing == heads.name;
  });
  return (named == stages.end() ? stages.front().name : named->name) == stage.stage.name;
}

std::string end_of(const DiscoveryStage& stage) {
  return stage.into.empty() ? std::string("the logits")
                            : fmt::format("the {} inputs of the {} heads, at {}",
                                          to_string(stage.input),
                                          stage.into,
                                          stage.receivers_at);
}

// The maps of all stages, side by side: what a head's paths do differs from stage to stage.
void add_stage_maps(Report& report, const Reproduced& result, const Model& model) {
  report.text("### Direct paths from every head");
  std::vector<Report::Figure> maps;
  for (const StageResult& stage : result.found.stages) {
    if (!stage.effects.empty()) {
      maps.push_back({to_svg(stage_map(result, stage, model.source().name)),
                      fmt::format("{} heads: the change of the mean {} when a head's output at {} "
                                  "comes from the corrupted run along its direct paths to {} "
                                  "alone.",
                                  stage.stage.name,
                                  result.what->metric,
                                  stage.stage.senders_at,
                                  end_of(stage.stage))});
    }
  }
  report.figures(maps);
}

void add_attention(Report& report, const Reproduced& result, const StageResult& stage) {
  if (stage.effects.empty()) {
    report.text(fmt::format("### {} heads\nNo {} heads were found, so nothing reads from these.",
                            stage.stage.name,
                            stage.stage.into));
    return;
  }
  for (const AttentionTable& attention : result.attention) {
    if (is_of_stage(result, stage, attention.heads)) {
      report.table(attention_table(result, attention),
                   fmt::format("Mean attention of the {} heads from {} to each span.",
                               attention.heads.name,
                               attention.heads.at));
    }
  }
}

void add_circuit(Report& report, const Reproduced& result, const Model& model) {
  report.text("### The circuit");
  if (const std::string drawing = circuit_drawing(result.found, result.classed); !drawing.empty()) {
    report.figure(
        drawing,
        "Heads by layer and class. An edge is as wide as the root of its sender's effect; "
        "blue: without it the metric falls, orange: it rises. A stage's receivers were "
        "patched together, so an edge is one of those that an effect went through.");
  }
  report.table(
      circuit_table(result, model.config()),
      fmt::format("Every head whose paths matter, and the mean change of the metric "
                  "without them. Heads that write to the logits are classed by what they "
                  "write: a mover copies what it reads ({:.0f} % of the prompts at least), "
                  "a suppressor writes against it. A head is in two classes (\"also\") "
                  "where it acts at two places or by two paths; each class is of one.",
                  100 * kWritesShare));
  if (!result.copying.empty()) {
    report.table(copying_table(result),
                 "The share of names among the five likeliest tokens after the head's OV circuit "
                 "(copies) and after its negative (suppresses).");
  }
}

}  // namespace

void add_reproduction(Report& report, const Reproduced& result, const Model& model) {
  report.text(
      fmt::format("## {}\n*{}*\n\n{}", result.what->title, result.what->source, verdict(result)));
  if (result.task.items.size() < kFewPrompts) {
    report.text(fmt::format(
        "**Found on {}**, fewer than {}: another draw may give other heads, and no claim should "
        "rest on this; -n takes more.",
        counted(result.task.items.size(), "prompt"),
        kFewPrompts));
  }
  add_example(report, result, model);
  report.table(numbers_table(result), "Means over prompts, with bootstrap intervals.");
  if (is_published_model(result.what->published, model.config())) {
    report.table(published_table(result), "What was published.");
  }
  add_stage_maps(report, result, model);
  for (const StageResult& stage : result.found.stages) {
    add_attention(report, result, stage);
  }
  add_circuit(report, result, model);
  if (!result.tests.empty()) {
    report.text("### Is it enough?");
    report.table(
        tests_table(result),
        "The metric of the whole model, of the circuit with every other head mean-ablated, "
        "of the model without the circuit, and with every head mean-ablated, on prompts of "
        "other seeds.");
  }
}

static std::string subtitle_of(const std::vector<Reproduced>& circuits,
                               const std::vector<HeadResult>& heads,
                               const std::vector<StudyAnswer>& studies) {
  return !circuits.empty()  ? "Found by path patching, tested by mean ablation"
         : !heads.empty()   ? "Scored by detectors, confirmed by ablation"
         : !studies.empty() ? "Published results about methods, asked again"
                            : "Attention set by hand, against other heads of the same layers";
}

void write_reproduction_page(const std::filesystem::path& path,
                             const std::vector<Reproduced>& results,
                             const std::vector<HeadResult>& heads,
                             const std::optional<ComponentReuse>& reuse,
                             const std::vector<StudyAnswer>& studies,
                             const Model& model,
                             const std::string& footer) {
  const bool heads_alone = results.empty() && studies.empty() && !heads.empty();
  Report report(
      {.title = fmt::format("{} of {}", heads_alone ? "Heads" : "Circuits", model.source().name),
       .subtitle = subtitle_of(results, heads, studies),
       .footer = footer});
  for (const Reproduced& result : results) {
    add_reproduction(report, result, model);
  }
  if (results.size() > 1) {
    report.text("## What the circuits share");
    report.table(overlap_table(results), "Heads that two circuits have in common.");
  }
  if (reuse) {
    add_reuse(report, *reuse);
  }
  for (const HeadResult& result : heads) {
    add_head_result(report, result, model);
  }
  for (const StudyAnswer& answer : studies) {
    add_study(report, answer);
  }
  report.write(path);
}

}  // namespace headscope
