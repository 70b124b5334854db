// headscope ablate: heads and parts of layers knocked out, cell by cell
// (analyses/ablation/ablate_method.h).
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"

namespace headscope {

Verb ablate_verb() {
  return {
      .name = "ablate",
      .summary = "Ablation: zero, mean or resampled values in the clean runs, cell by cell",
      .example =
          "  headscope ablate smollm2 --task ioi.jsonl --mode mean --over layer,head -o mean.h5\n"
          "  headscope ablate smollm2 --task ioi.jsonl --mode zero --site mlp_out --over layer\n"
          "  headscope record smollm2 --task ioi.jsonl --run clean --hooks "
          "'blocks.*.attn.hook_z' -o z.h5\n"
          "  headscope ablate smollm2 --task ioi.jsonl --mean-from z.h5",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        return bind_sweep(app, invocation, "ablate");
      },
  };
}

}  // namespace headscope
