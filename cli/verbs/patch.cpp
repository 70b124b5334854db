// headscope patch: activation patching over layers, heads and positions
// (analyses/sweep/patch_method.h).
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"

namespace headscope {

Verb patch_verb() {
  return {
      .name = "patch",
      .summary = "Activation patching: put values of one run into another, cell by cell",
      .example =
          "  headscope task make ioi smollm2 -n 100 -o ioi.jsonl\n"
          "  headscope patch smollm2 --task ioi.jsonl --site z --over layer,head -o patch.h5\n"
          "  headscope patch smollm2 --task ioi.jsonl --site resid_pre --over layer --positions "
          "S2\n"
          "  headscope record smollm2 --task ioi.jsonl --run clean --hooks "
          "'blocks.*.attn.hook_z' -o z.h5\n"
          "  headscope patch smollm2 --task ioi.jsonl --source z.h5\n"
          "  headscope export patch.h5 --format png -o out/",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        return bind_sweep(app, invocation, "patch");
      },
  };
}

}  // namespace headscope
