// headscope sae bench: how fast this machine trains one (analyses/sae/sae_bench.h).
#include "cli/sae/sae_bench.h"

#include <memory>

#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace headscope {

Verb sae_bench_verb() {
  return {
      .name = "sae bench",
      .summary = "How fast this machine trains a sparse autoencoder: steps on rows in memory",
      .example =
          "  headscope sae bench --d-in 576 --d-sae 9216 --batch 4096 --device cuda\n"
          "  headscope sae bench z.h5 --site blocks.5.attn.hook_z --arch standard --d-sae 4608\n"
          "\n"
          "The median of --steps steps in f32, after a few that are not timed, each until the "
          "device is done; beside it\n"
          "the encoder's matrix product alone, below which no trainer with a dense encoder goes. "
          "Rows are those of a\n"
          "trace (headscope record), or random ones of --d-in numbers. "
          "tests/bench/sae_bench.py times SAELens' trainer\n"
          "on the same rows.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SaeBenchOptions>();
        add_sae_bench_options(app, *options);
        return [options, &invocation] { sae_bench(*options, invocation); };
      },
  };
}

}  // namespace headscope
