#include "cli/manual/verb_text.h"

#include <CLI/CLI.hpp>

#include "cli/option_words.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

std::vector<std::string> names_of_option(const CLI::Option& option) {
  if (option.get_positional()) {
    return {option.get_name(true, false)};
  }
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) {
    names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    names.push_back("--" + name);
  }
  return names;
}

OptionText describe(const CLI::Option& option) {
  return {.names = names_of_option(option),
          .value = option_value(option),
          .choices = option_choices(option),
          .fallback = option.get_default_str(),
          .description = option.get_description()};
}

VerbText describe(const Verb& verb) {
  CLI::App app(std::string(verb.summary), std::string(verb.name));
  Invocation invocation;  // outlives what is bound, and is never run
  const auto unused = verb.bind(app, invocation);
  add_common_options(app, invocation.common);
  VerbText text{.name = std::string(verb.name),
                .summary = std::string(verb.summary),
                .example = std::string(verb.example),
                .operands = {},
                .options = {}};
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? text.operands : text.options).push_back(describe(*option));
  }
  return text;
}

}  // namespace

std::vector<VerbText> describe_verbs() {
  std::vector<VerbText> texts;
  for (const Verb& verb : all_verbs()) {
    texts.push_back(describe(verb));
  }
  return texts;
}

}  // namespace headscope
