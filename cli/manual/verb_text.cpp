#include "cli/manual/verb_text.h"

#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace headscope {
namespace {

// CLI11 writes the choices of a checked option into the name of its type: "TEXT:{f32,bf16}".
std::vector<std::string> choices_in(const std::string& type) {
  const std::size_t begin = type.find('{');
  const std::size_t end = type.rfind('}');
  std::vector<std::string> choices;
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return choices;
  }
  std::istringstream words(type.substr(begin + 1, end - begin - 1));
  for (std::string word; std::getline(words, word, ',');) {
    choices.push_back(word);
  }
  return choices;
}

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
  OptionText text{.names = names_of_option(option),
                  .value = {},
                  .choices = {},
                  .fallback = option.get_default_str(),
                  .description = option.get_description()};
  if (option.get_items_expected_max() > 0) {
    const std::string type = option.get_type_name();
    text.choices = choices_in(type);
    text.value = type.substr(0, type.find(':'));
  }
  return text;
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
