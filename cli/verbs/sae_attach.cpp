// headscope sae attach (cli/sae/sae_attach.cpp).
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/sae/sae_options.h"
#include "cli/verbs.h"

namespace headscope {

Verb sae_attach_verb() {
  return {
      .name = "sae attach",
      .summary = "Write the intervention that attaches a sparse autoencoder, for every --intervene",
      .example =
          "  headscope sae attach sae5 smollm2 --features 17 --do clamp --value 5 -o edits.json\n"
          "  headscope generate smollm2 --intervene edits.json --prompt \"Once\" --compare\n"
          "  headscope sae attach sae5 smollm2 --no-error-term -o spliced.json\n"
          "\n"
          "The file holds an op \"sae\" (headscope intervene schema) that every verb with "
          "--intervene "
          "takes. attach: codes\n"
          "stay; ablate: f = 0; clamp: f = value; scale: f = value·f; steer: f = f + value. With "
          "the error "
          "term, tokens whose\n"
          "codes do not change keep their values bit for bit. It is checked on the model before it "
          "is "
          "written.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SaeOptions>();
        add_sae_attach_options(app, *options);
        return [options, &invocation] { sae_attach(*options, invocation); };
      },
  };
}

}  // namespace headscope
