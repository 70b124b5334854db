// headscope path-patch: what each sender does through its direct paths to a receiver
// (analyses/path_patching/path_patch_method.h).
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"

namespace headscope {

Verb path_patch_verb() {
  return {
      .name = "path-patch",
      .summary = "Path patching: each sender's effect through direct paths to a receiver",
      .example =
          "  headscope path-patch smollm2 --task ioi.jsonl --receiver logits -o direct.h5\n"
          "  headscope path-patch smollm2 --task ioi.jsonl --receiver 23.3:q "
          "--receiver-positions end --senders heads",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        return bind_sweep(app, invocation, "path-patch");
      },
  };
}

}  // namespace headscope
