// The texts that operators are measured on, as `operator measure` and `operator eval` are told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analyses/operators/operator_measure.h"
#include "cli/prompt_options.h"

namespace headscope {

struct OperatorTexts {
  std::string text{};  // a text file, cut into windows; or prompts
  TextWindows windows{};
  PromptArguments prompts{};
};
void add_operator_texts(CLI::App& app, OperatorTexts& texts);

// Throws UsageError for options that nothing reads.
void check_operator_texts(const CLI::App& app, const OperatorTexts& texts);

std::vector<Prompt> operator_texts(const OperatorTexts& texts,
                                   const Model& model,
                                   std::string_view verb);

}  // namespace headscope
