#include "cli/demo/demo_page.h"

#include <fmt/format.h>

#include "cli/demo/demo_heads.h"
#include "cli/demo/demo_prompts.h"
#include "cli/predictions.h"
#include "cli/render/report.h"
#include "cli/render/visible.h"
#include "cli/sweep/result_view.h"
#include "cli/trace/trace_view.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::size_t kPerKind = 3;

// A way of attending: how it is measured, and who found it.
struct Kind {
  const char* name;
  HeadScores DemoHeads::*scores;
  const char* measured;
};
constexpr Kind kKinds[] = {
    {"previous token",
     &DemoHeads::previous,
     "the mean attention from each token (the third on) to the one before it"},
    {"first token",
     &DemoHeads::first,
     "the mean attention from each token (the second on) to the first one"},
    {"name",
     &DemoHeads::object,
     "the attention from the last token, where the model must answer, to the name it should say"},
};

std::string hook_of(const HeadId& head) {
  return fmt::format("blocks.{}.attn.hook_pattern", head.layer);
}

std::string commands_text(const DemoPage& files, const Model& model, const HeadId& example) {
  const std::string name = model.source().name;
  return fmt::format(
      "```\n"
      "headscope record {} --prompts {} --hooks 'blocks.*.attn.hook_pattern' --logits last "
      "--overwrite -o {}\n"
      "headscope predict {} --prompt \"{}\"\n"
      "headscope export {} --hook {} --head {} --prompt 0 --format png -o {}\n"
      "headscope export {} --format html -o {}\n"
      "```\n",
      name,
      files.prompts.string(),
      files.trace.string(),
      name,
      ioi_prompts().front().text,
      files.trace.string(),
      hook_of(example),
      example.head,
      files.folder.string(),
      files.trace.string(),
      files.folder.string());
}

void add_predictions(Report& report, const Model& model, const TraceReader& trace) {
  Table table({{"prompt"}, {"answer"}, {"says"}, {"probability", 3}});
  for (std::size_t i = 0; i < trace.prompt_count(); ++i) {
    const auto logits = trace.read("logits/last", i).values;
    const auto top = top_predictions(logits, model, 5);
    if (i == 0) {
      report.text("## What the model says next\nThe five likeliest tokens after *" +
                  ioi_prompts()[i].text + "* …");
      report.table(prediction_table(top));
    }
    table.row({ioi_prompts()[i].text,
               ioi_prompts()[i].object,
               visible(top.front().piece),
               top.front().probability});
  }
  report.table(table, "Every prompt with its answer and the model's first choice.");
}

// A head's map of the first prompt in the page of all maps, which lies beside.
std::string map_link(const DemoPage& files, const HeadId& head) {
  return fmt::format("[{}]({}#cell=0,{},{})",
                     to_string(head),
                     files.viewer.filename().string(),
                     head.layer,
                     head.head);
}

std::string map_links(const DemoPage& files, const std::vector<HeadId>& heads) {
  std::string text = "Open the map of";
  for (const HeadId& head : heads) {
    text += (head == heads.front() ? " " : ", ") + map_link(files, head);
  }
  return text + ".";
}

void add_heads(Report& report,
               const DemoPage& files,
               const TraceReader& trace,
               const DemoHeads& heads) {
  report.text(fmt::format(
      "## Heads found in the data\nOf the {} heads, the {} strongest in each of three ways, by "
      "means over the {} prompts. Nothing was chosen by hand; a high score says what a head does "
      "on these prompts, not that the answer needs it.",
      heads.first.size(),
      kPerKind,
      trace.prompt_count()));
  Table table({{"kind"}, {"layer"}, {"head"}, {"score", 3}});
  std::vector<HeadId> found;
  for (const Kind& kind : kKinds) {
    const HeadScores& scores = heads.*kind.scores;
    for (const HeadId& head : top_heads(scores, kPerKind)) {
      table.row({kind.name, head.layer, head.head, scores[head]});
      found.push_back(head);
    }
  }
  report.table(table);
  report.text(map_links(files, found));
  std::vector<Report::Figure> maps;
  for (const Kind& kind : kKinds) {
    const HeadScores& scores = heads.*kind.scores;
    const HeadId best = top_heads(scores, 1).front();
    maps.push_back({to_svg(heat_map_of(trace, {hook_of(best), 0, best.head})),
                    fmt::format("The strongest {} head, {}. Score {:.3f}: {}.",
                                kind.name,
                                to_string(best),
                                scores[best],
                                kind.measured)});
  }
  report.figures(maps);
}

// A head by its cell's labels, layer and head.
HeadId head_of(const CellEffect& cell) {
  return parse_head_id(cell.labels[0] + "." + cell.labels[1]);
}

void add_sweep(Report& report,
               const DemoPage& files,
               const TraceReader& trace,
               const Result& sweep) {
  const Effects effects = effects_of(sweep);
  const std::string name = trace.provenance().at("model").get<std::string>();
  report.text(fmt::format(
      "## Which heads carry the answer\nAttention patterns show where a head looks, not whether it "
      "matters. So each of the {} heads was patched: the model read {} sentences in which the "
      "second mention of the one name was changed to the other (their logit difference is {:.2f} "
      "instead of {:.2f}), and one head at a time got its output `z` of the unchanged sentence "
      "back. 0 is the changed sentence, 1 the unchanged one.\n\n"
      "```\nheadscope task make ioi {} -n {} --corruption s2_io -o {}\n"
      "headscope patch {} --task {} --site z --over layer,head --overwrite -o {}\n```\n",
      effects.cells.size(),
      sweep.header.prompt_ids.size(),
      effects.corrupted.mean,
      effects.clean.mean,
      name,
      sweep.header.prompt_ids.size(),
      files.task.string(),
      name,
      files.task.string(),
      files.sweep.string()));
  report.figure(to_svg(result_map(sweep, effects)), "Every head's effect.");
  report.table(strongest_table(sweep, effects, 8),
               "The strongest, with the standard error of the mean and a bootstrap interval over "
               "prompts.");
  std::vector<HeadId> strong;
  for (const CellEffect& cell : strongest(effects, 8)) {
    strong.push_back(head_of(cell));
  }
  report.text(map_links(files, strong));
  std::vector<Report::Figure> maps;
  for (const CellEffect& cell : strongest(effects, kPerKind)) {
    const HeadId head = head_of(cell);
    maps.push_back({to_svg(heat_map_of(trace, {hook_of(head), 0, head.head})),
                    fmt::format("Head {}, effect {:+.2f}, on the first prompt above.",
                                to_string(head),
                                cell.effect.mean)});
  }
  report.figures(maps);
}

// The strongest head alone, as interventions that `generate` takes.
std::string knockout_commands(const DemoPage& files, const Model& model, const HeadId& head) {
  return fmt::format(
      "```\n"
      "echo '{{\"version\": 1, \"interventions\": [{{\"site\": \"blocks.{}.attn.hook_z\", "
      "\"heads\": [{}], \"op\": \"zero\"}}]}}' > knockout.json\n"
      "headscope generate {} --prompts {} --max-tokens 8 --intervene knockout.json --compare\n"
      "```\n",
      head.layer,
      head.head,
      model.source().name,
      files.prompts.string());
}

void add_knockout(Report& report,
                  const DemoPage& files,
                  const Model& model,
                  const DemoKnockout& knockout) {
  if (knockout.without.empty()) {
    return;
  }
  std::vector<Table::Column> columns{{"prompt"}, {"writes"}};
  for (const DemoKnockout::Without& without : knockout.without) {
    columns.push_back({"without " + names_of(without.heads)});
  }
  Table table(columns);
  for (std::size_t i = 0; i < knockout.prompts.size(); ++i) {
    std::vector<OrderedJson> cells{knockout.prompts[i].text,
                                   visible(knockout.plain[i].text, Spaces::kept)};
    for (const DemoKnockout::Without& without : knockout.without) {
      cells.emplace_back(without.written[i]);
    }
    table.row(cells);
  }
  report.text(
      "## Knocked out\nWhat the model writes, as it is and with heads switched off: their output "
      "`z` is 0 in the prompt and in all that is written. Tokens in [ ] are not those of the "
      "unchanged text.\n\nThe first of them by hand:\n" +
      knockout_commands(files, model, knockout.without.front().heads.front()));
  report.table(table);
}

void write_all_heads(const DemoPage& files, const TraceReader& trace) {
  ViewerSelection all;
  for (const TraceDataset& dataset : trace.datasets()) {
    if (is_attention_map(dataset)) {
      all.hooks.push_back(dataset.name);
    }
  }
  for (std::size_t i = 0; i < trace.prompt_count(); ++i) {
    all.prompts.push_back(i);
  }
  write_viewer({{trace, all, ""}}, files.viewer);
}

std::string footer_of(const DemoPage& files, const TraceReader& trace) {
  const Json& from = trace.provenance();
  return fmt::format("{} · weights {} · {} in {} · {}",
                     files.command_line,
                     from.at("weights_hash").get<std::string>(),
                     from.at("device").get<std::string>(),
                     from.at("dtype").get<std::string>(),
                     from.at("created").get<std::string>());
}

}  // namespace

std::vector<HeadId> heads_to_knock_out(const TraceReader& trace,
                                       const std::optional<Result>& sweep) {
  if (!sweep) {
    return top_heads(demo_heads(trace).object, 1);
  }
  const Effects effects = effects_of(*sweep);
  std::vector<HeadId> heads;
  for (const CellEffect& cell : strongest(effects, effects.cells.size())) {
    if (cell.effect.mean > 0 && heads.size() < kPerKind) {
      heads.push_back(head_of(cell));
    }
  }
  return heads;
}

void write_demo_page(const DemoPage& files,
                     const Model& model,
                     const TraceReader& trace,
                     const DemoKnockout& knockout,
                     const std::optional<Result>& sweep) {
  const DemoHeads heads = demo_heads(trace);
  Report report({.title = "Attention heads of " + model_label(trace),
                 .subtitle = "What headscope demo recorded and saw",
                 .footer = footer_of(files, trace)});
  const std::string prompt = ioi_prompts().front().text;
  report.text(
      "The model read " + std::to_string(trace.prompt_count()) + " sentences such as **" + prompt +
      "** and every attention pattern of every head was recorded. Two people are named, one "
      "of them twice; the sentence should end with the other one (*indirect object "
      "identification*, [Wang et al. 2022](https://arxiv.org/abs/2211.00593)).\n\nThe same "
      "by hand:\n" +
      commands_text(files, model, top_heads(heads.object, 1).front()));
  add_predictions(report, model, trace);
  add_heads(report, files, trace, heads);
  if (sweep) {
    add_sweep(report, files, trace, *sweep);
  }
  add_knockout(report, files, model, knockout);
  write_all_heads(files, trace);
  report.text(
      fmt::format("## All {} heads\nClick a head to see its map; point at a token to see "
                  "what it attends to and what attends to it.",
                  heads.first.size()));
  report.viewer(files.viewer);
  report.write(files.page);
}

}  // namespace headscope
