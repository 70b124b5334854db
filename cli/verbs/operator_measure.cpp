// headscope operator measure: every head under an operator, one at a time.
#include "analyses/operators/operator_measure.h"

#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/operators/operator_summary.h"
#include "cli/interrupt.h"
#include "cli/operators/measure_run.h"
#include "cli/operators/operator_texts.h"
#include "cli/output.h"
#include "cli/render/head_map.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/sweep/result_view.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct MeasureArguments {
  std::string model;
  std::string choice;
  OperatorTexts texts;
  std::string control = "random";
  std::string out;
  bool plain = false;
  bool resume = false;
  bool overwrite = false;
  std::size_t top = 10;
};

Table head_table(const OperatorSummary& summary, std::size_t top) {
  Table table({{"head"},
               {"ΔNLL", 4, "delta_nll"},
               {"95 % low", 4},
               {"95 % high", 4},
               {"random ΔNLL", 4, "control_delta_nll"},
               {"KL", 4, "kl"},
               {"retained"},
               {"density"},
               {"z change", 3, "z_change"},
               {"attn_out change", 3, "out_change"}});
  for (const HeadId& head : ranked_heads(summary.delta_nll)) {
    if (table.size() == top) {
      break;
    }
    const Summary& effect = summary.intervals[head];
    table.row({to_string(head),
               effect.mean,
               cell_of(effect.low),
               cell_of(effect.high),
               cell_of(summary.of(OperatorMeasure::control_nll)[head]),
               summary.of(OperatorMeasure::kl)[head],
               summary.of(OperatorMeasure::retained)[head],
               summary.of(OperatorMeasure::density)[head],
               summary.of(OperatorMeasure::z_change)[head],
               summary.of(OperatorMeasure::out_change)[head]});
  }
  return table;
}

Table agreement_table(const OperatorSummary& summary) {
  Table table({{"cheap measure"}, {"rank correlation with ΔNLL", 3, "spearman"}});
  for (const auto& [name, correlation] : summary.agreement) {
    table.row({name, correlation ? OrderedJson(*correlation) : OrderedJson()});
  }
  return table;
}

void write_map(const MeasureArguments& options,
               const OperatorChoice& choice,
               const OperatorSummary& summary) {
  HeatMap map = head_map(summary.delta_nll);
  map.title = fmt::format("{} · {}", options.model, to_string(choice));
  map.value_name = "ΔNLL (nats)";
  map.color_map = ColorMap::diverging;
  write_file(std::filesystem::path(options.out).replace_extension(".svg"), to_svg(map));
}

void show_summary(const MeasureArguments& options,
                  const OperatorChoice& choice,
                  const OperatorSummary& summary,
                  const Json& from,
                  const Invocation& invocation) {
  const Table heads = head_table(summary, summary.delta_nll.size());
  const Table agreement = agreement_table(summary);
  OrderedJson json{{"model", options.model},
                   {"operator", to_string(choice)},
                   {"provenance", from},
                   {"nll", summary.unchanged_nll},
                   {"heads", heads.json()},
                   {"agreement", agreement.json()}};
  if (!choice.kind->untrained.empty()) {
    json["untrained"] = choice.kind->untrained;
  }
  const std::string text =
      facts({{"operator", to_string(choice)},
             {"model", options.model},
             {"NLL of the model", fmt::format("{:.4f}", summary.unchanged_nll)},
             {"note", std::string(choice.kind->untrained)}}) +
      "\n" + head_table(summary, options.top).text() + "\n" + agreement.text();
  show(invocation, json, text);
}

void measure(const MeasureArguments& options, const Invocation& invocation) {
  const OperatorChoice choice = parse_operator(options.choice);
  catch_interrupts();
  const Model model = load_model(options.model, load_options(invocation.common));
  const std::vector<Prompt> prompts = operator_texts(options.texts, model, "operator measure");
  std::unique_ptr<Progress> bar;
  OperatorMeasureRun run =
      measure_run(model, prompts, choice, options.texts, options.control, invocation);
  run.out = options.out;
  run.if_exists = options.overwrite ? IfExists::replace
                  : options.resume  ? IfExists::resume
                                    : IfExists::fail;
  if (options.plain) {
    run.effects.execution = OperatorEffectsOptions::Execution::plain;
  }
  run.progress = [&bar](std::int64_t, std::int64_t total) {
    if (!bar) {
      bar = std::make_unique<Progress>(total,
                                       Progress::Options{.label = "measuring", .unit = "layers"});
    }
    bar->add();
  };
  const bool finished = measure_operator(run);
  bar.reset();
  if (!finished) {
    print_note(options.out +
               " and the files beside it hold every finished layer; --resume does the others");
    throw Interrupted();
  }
  const OperatorSummary summary = summarize(read_operator_results(options.out));
  write_map(options, choice, summary);
  show_summary(options, choice, summary, run.provenance, invocation);
}

void add_options(CLI::App& app, MeasureArguments& options) {
  add_model(app, options.model);
  app.add_option("--operator",
                 options.choice,
                 "What replaces a head's attention: streaming:sink=4,local=64")
      ->required();
  add_operator_texts(app, options.texts);
  add_operator_control(app, options.control);
  app.add_flag("--plain", options.plain, "A whole pass for every head: the slow check; no control");
  app.add_option("--top", options.top, "Heads to list")->capture_default_str();
  add_output(app,
             options.out,
             "The result of layer × head (.h5); a file a measure and .svg stand beside it")
      ->required();
  app.add_flag("--resume", options.resume, "Go on with a measurement that was stopped");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing result");
}

}  // namespace

Verb operator_measure_verb() {
  return {
      .name = "operator measure",
      .summary = "What an operator in the place of each head costs, one head at a time",
      .example =
          "  headscope operator measure smollm2 --operator streaming:sink=4,local=64 --text "
          "book.txt "
          "-o m.h5\n"
          "  headscope operator measure smollm2 --operator top-k:k=16 --prompts p.jsonl -o k.h5\n"
          "  headscope inspect m.kl.h5\n"
          "\n"
          "Of every head: the loss on the text with the operator in its place and, as a control, "
          "with as many\nkeys drawn at random; KL from the model; the attention it keeps; how far "
          "z "
          "and the layer's output\nmove. The rank correlations say which of the cheap measures to "
          "trust.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<MeasureArguments>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          check_operator_texts(app, options->texts);
          measure(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
