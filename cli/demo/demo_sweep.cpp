#include "cli/demo/demo_sweep.h"

#include "analyses/sweep/result_header.h"
#include "analyses/sweep/store_sink.h"
#include "analyses/sweep/sweep.h"
#include "analyses/task/maker.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/sweep/sweep_progress.h"
#include "lib/base/error.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

constexpr std::int64_t kPrompts = 16;
constexpr const char* kCorruption = "s2_io";

std::optional<Task> make(const Model& model, const DemoSweepFiles& files, std::uint64_t seed) {
  try {
    Task task =
        make_task("ioi",
                  model.tokenizer(),
                  {.n = kPrompts, .seed = seed, .corruption = kCorruption, .templates = {}});
    write_task(task, files.task);
    return task;
  } catch (const DataError& error) {
    print_note(fmt::format("no sweep of this model: {}", error.what()));
    return std::nullopt;
  }
}

}  // namespace

std::optional<Result> run_demo_sweep(const Model& model,
                                     const DemoSweepFiles& files,
                                     const Invocation& invocation) {
  const auto task = make(model, files, invocation.common.seed);
  if (!task) {
    return std::nullopt;
  }
  const OtherRun source(Run::clean);
  SweepSpec spec;
  spec.source = &source;
  spec.metric = &find_metric("logit_diff");
  const Grid grid = grid_of(model, *task, spec);
  const ResultHeader header =
      result_header(model,
                    *task,
                    grid.axes(),
                    {invocation.command_line, invocation.common.seed},
                    {.kind = "patch",
                     .metric = "logit_diff",
                     .title = "z of the corrupted run ← clean",
                     .identity = {{"site", "z"}, {"from", "clean"}, {"into", "corrupted"}}});
  ResultStore store(files.store, header, IfExists::replace);
  StoreSink sink(store);
  SweepProgressBar bar({grid, kPrompts, spec.into, sink});
  SweepOptions options{.memory = free_memory(model.device()) / 10 * 7};
  options.stop = interrupted;
  options.progress = [&](const SweepProgress& progress) { bar.show(progress); };
  if (!run_sweep(model, *task, spec, options, bar)) {
    throw Interrupted();
  }
  store.finish();
  return read_result(files.store);
}

}  // namespace headscope
