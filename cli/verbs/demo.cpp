// headscope demo: real attention heads of a real model, as a page. What `make demo` runs.
#include <CLI/CLI.hpp>

#include "analyses/task/task.h"
#include "cli/demo/demo_page.h"
#include "cli/demo/demo_prompts.h"
#include "cli/demo/demo_sweep.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/page_policy.h"
#include "cli/trace/record_run.h"
#include "cli/verbs.h"
#include "hooks/prompts.h"
#include "hooks/provenance.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct DemoArguments {
  std::string model = "smollm2";
  std::string out = "out/demo";
};

DemoPage files_in(const std::filesystem::path& folder, const std::string& command_line) {
  return {.folder = folder,
          .prompts = folder / "prompts.jsonl",
          .trace = folder / "trace.h5",
          .viewer = folder / "attn.hook_pattern.html",
          .page = folder / "index.html",
          .task = folder / "ioi.jsonl",
          .sweep = folder / "patch.h5",
          .command_line = command_line};
}

struct Demo {
  DemoPage files;
  DemoKnockout knockout;
};

Demo run(const DemoArguments& options, const Invocation& invocation) {
  const CommonOptions& common = invocation.common;
  DemoPage files = files_in(options.out, invocation.command_line);
  check_page_output(files.page);
  check_page_output(files.viewer);
  check_task_output(files.task);
  const Model model = load_model(options.model, load_options(common));
  write_ioi_prompts(files.prompts, model.tokenizer());
  RecordOptions record;
  record.hooks = {"blocks.*.attn.hook_pattern"};
  record.if_exists = IfExists::replace;
  record.provenance =
      provenance(model, {.command_line = invocation.command_line, .seed = common.seed});
  const std::vector<Prompt> prompts = read_prompts(files.prompts, model, {});
  const auto result = record_with_progress(model, prompts, files.trace, record);
  if (result.stopped) {
    throw Interrupted();
  }
  const auto sweep = run_demo_sweep(model, {files.task, files.sweep}, invocation);
  const TraceReader trace(files.trace);
  DemoKnockout knockout = run_demo_knockout(model, prompts, heads_to_knock_out(trace, sweep));
  write_demo_page(files, model, trace, knockout, sweep);
  return {std::move(files), std::move(knockout)};
}

OrderedJson to_json(const Demo& demo) {
  const DemoPage& files = demo.files;
  return {{"page", files.page.string()},
          {"trace", files.trace.string()},
          {"viewer", files.viewer.string()},
          {"sweep", files.sweep.string()},
          {"prompts", files.prompts.string()},
          {"knockout", to_json(demo.knockout)}};
}

std::string to_text(const Demo& demo) {
  const DemoPage& files = demo.files;
  const std::string page = std::filesystem::absolute(files.page).string();
  return fmt::format(
      "{}\n{}   the page: open it in a browser\n{}   the recorded patterns\n{}   the sweep over "
      "heads\n",
      to_text(demo.knockout),
      page,
      files.trace.string(),
      files.sweep.string());
}

}  // namespace

Verb demo_verb() {
  return {
      .name = "demo",
      .summary =
          "Record a real model, patch every head on a task, knock the strongest out, and write a "
          "page of it",
      .example = "  headscope demo -o out/demo && xdg-open out/demo/index.html",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<DemoArguments>();
        app.add_option("MODEL,--model", options->model, "Another model")->capture_default_str();
        add_output_folder(app, options->out, "The folder to write into")->capture_default_str();
        return [options, &invocation] {
          const Demo demo = run(*options, invocation);
          show(invocation, to_json(demo), to_text(demo));
        };
      },
  };
}

}  // namespace headscope
