// headscope sae ablate.
#include <optional>

#include "analyses/metric/metric.h"
#include "analyses/sae/feature_effects.h"
#include "analyses/sweep/task_input.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/sae/sae_options.h"
#include "cli/sweep/sweep_run.h"
#include "lib/families/load.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

void show_effects(const FeatureEffects& found,
                  const SaeOptions& options,
                  const Invocation& invocation) {
  Table table({{"feature"},
               {"effect", 4},
               {"95 % low", 4, "low"},
               {"high", 4},
               {"density", 4},
               {"mean code", 4}});
  for (const FeatureEffect& each : found.features) {
    table.row({each.feature,
               each.effect.mean,
               cell_of(each.effect.low),
               cell_of(each.effect.high),
               each.fired,
               each.mean_code});
  }
  show(invocation,
       {{"task", options.task},
        {"metric", options.metric},
        {"do", options.act},
        {"clean", found.clean},
        {"corrupted", found.corrupted},
        {"features", table.json()},
        {"command_line", invocation.command_line}},
       table.text() + "\n" +
           facts({{"metric",
                   fmt::format("{} {} clean, {} corrupted",
                               options.metric,
                               format_number(found.clean, 4),
                               format_number(found.corrupted, 4))},
                  {"effect",
                   options.act == "patch"
                       ? "metric with the feature's codes of the corrupted prompt − clean"
                       : "metric with the feature's codes at 0 − clean"}}));
}

}  // namespace

void sae_ablate(const SaeOptions& options, const Invocation& invocation) {
  const Metric& metric = find_metric(options.metric);
  const Model model = load_model(options.words.front(), load_options(invocation.common));
  const Sae sae = read_sae_of(options).to(to_torch(invocation.common.device), at::kFloat);
  const Task task = task_for(model, options.task, {.bos = options.bos});
  catch_interrupts();
  std::optional<Progress> bar;
  std::int64_t drawn = 0;
  const FeatureEffects found = feature_effects(
      sae,
      model,
      task,
      metric,
      {.act = options.act == "patch" ? FeatureAct::patch : FeatureAct::ablate,
       .features = options.features,
       .most = options.most,
       .memory = memory_for("", model),
       .seed = invocation.common.seed,
       .progress =
           [&](const SweepProgress& progress) {
             if (!bar) {
               bar.emplace(progress.total, Progress::Options{.label = "features", .unit = "runs"});
             }
             bar->add(progress.done - drawn);
             drawn = progress.done;
           },
       .stop = interrupted});
  bar.reset();
  show_effects(found, options, invocation);
}

}  // namespace headscope
