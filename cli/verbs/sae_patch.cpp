// headscope sae patch: activation patching of single features (analyses/sae/sae_patch_method.h).
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"

namespace headscope {

Verb sae_patch_verb() {
  return {
      .name = "sae patch",
      .summary = "Activation patching of single features of a sparse autoencoder, cell by cell",
      .example =
          "  headscope task make ioi smollm2 -n 50 -o ioi.jsonl\n"
          "  headscope sae patch smollm2 --sae sae15 --task ioi.jsonl -o features.h5\n"
          "  headscope sae patch smollm2 --sae sae15 --task ioi.jsonl --features 17,1402 --over "
          "feature,pos\n"
          "  headscope export features.h5 --format csv -o out/\n"
          "\n"
          "In a run of its own for every cell, the code of a feature becomes that of the other run "
          "at the same token; what\n"
          "the autoencoder does not explain stays. A sweep as every other: --resume, --shard, "
          "merge, sweep files (verb\n"
          "\"sae-patch\").",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        return bind_sweep(app, invocation, "sae-patch");
      },
  };
}

}  // namespace headscope
