#include "cli/prompt_options.h"

#include <CLI/CLI.hpp>

#include "cli/common_options.h"
#include "lib/base/error.h"

namespace headscope {

void add_prompts(CLI::App& app, PromptArguments& arguments) {
  app.add_option(
      "--prompts",
      arguments.file,
      "A JSONL file: {\"text\": …} or {\"tokens\": […]} a line, with optional \"id\" and "
      "\"spans\": {\"subject\": [3, 5]}, in tokens, or {\"subject\": \"a part of the text\"}");
  app.add_option("--prompt", arguments.texts, "A text instead of a file; repeatable")
      ->allow_extra_args(false)
      ->excludes("--prompts");
  add_prepend_bos(app, arguments.bos);
}

std::vector<Prompt> prompts_of(const PromptArguments& arguments,
                               const Model& model,
                               std::string_view needs) {
  if (arguments.file.empty() == arguments.texts.empty()) {
    throw UsageError("{}", needs);
  }
  if (!arguments.file.empty()) {
    return read_prompts(arguments.file, model, {.bos = arguments.bos});
  }
  std::vector<Prompt> prompts;
  for (const std::string& text : arguments.texts) {
    prompts.push_back(make_prompt(text, model, {.bos = arguments.bos}));
    prompts.back().id = std::to_string(prompts.size() - 1);
  }
  return prompts;
}

}  // namespace headscope
