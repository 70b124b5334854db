// Prompts as the user gives them: a JSONL file, or texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hooks/prompts.h"

namespace CLI {
class App;
}

namespace headscope {

struct PromptArguments {
  std::string file{};                // a JSONL file …
  std::vector<std::string> texts{};  // … or texts
  PrependBos bos = PrependBos::automatic;
};
void add_prompts(CLI::App& app, PromptArguments& arguments);

// Texts get their numbers as ids. UsageError naming `verb` and what it takes if neither is given.
std::vector<Prompt> prompts_of(const PromptArguments& arguments,
                               const Model& model,
                               std::string_view needs);

}  // namespace headscope
