// What the model writes in `headscope demo`, as it is and with heads knocked out.
#pragma once

#include <string>
#include <vector>

#include "lib/base/head_id.h"
#include "lib/base/json_fwd.h"
#include "lib/generate/generate.h"
#include "lib/text/prompt.h"

namespace headscope {

struct DemoKnockout {
  std::vector<Prompt> prompts;
  std::vector<GeneratedText> plain;  // a text a prompt
  struct Without {
    std::vector<HeadId> heads;         // whose z is 0, in the prompt and in what is written
    std::vector<std::string> written;  // a prompt, tokens that plain has not in [ ]
  };
  std::vector<Without> without;
};

// Writes on from each prompt, and again without the first of `heads`, and without all of them. No
// heads: nothing. Throws Interrupted.
DemoKnockout run_demo_knockout(const Model& model,
                               const std::vector<Prompt>& prompts,
                               const std::vector<HeadId>& heads);

std::string names_of(const std::vector<HeadId>& heads);  // "20.0, 23.3"

std::string to_text(const DemoKnockout& knockout);
OrderedJson to_json(const DemoKnockout& knockout);

}  // namespace headscope
