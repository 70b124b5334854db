#include "cli/program.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/option_words.h"
#include "cli/output.h"
#include "cli/render/visible.h"
#include "cli/several_gpus.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "lib/base/error.h"
#include "lib/base/shell.h"
#include "lib/base/suggest.h"
#include "lib/base/version.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

constexpr const char* kSummary =
    "headscope: attention heads of language models, recorded, seen and changed";
constexpr const char* kFooter = R"(
Example:
  headscope predict smollm2 --prompt "When Mary and John went to the store, John gave a drink to"

MODEL is a Hugging Face directory, a .gguf file, a hub id in the local cache, or smollm2.
`headscope VERB --help`, or `headscope help VERB`, shows a verb's options and an example.
Exit codes: 0 done, 1 internal, 2 usage, 3 bad data, 4 resources (memory, disk, GPU), 130 interrupted.)";

std::string command_line(int argc, const char* const* argv) {
  std::string line = "headscope";
  for (int i = 1; i < argc; ++i) {
    line += " " + shell_quoted(argv[i]);
  }
  return replace_invalid_utf8(line);  // it is stored in files, whose texts are UTF-8
}

// Throws for a word that is no name; CLI11 says only that it was not expected. `before`: the words
// that come first, "sae ".
void check_verb(const std::string& word,
                const std::vector<std::string>& names,
                const std::string& before) {
  if (std::find(names.begin(), names.end(), word) == names.end()) {
    throw UsageError("{}{}: no such verb{} (headscope {}--help lists them)",
                     before,
                     visible(word, Spaces::kept),
                     did_you_mean(word, names),
                     before);
  }
}

// A file opened while standard error is closed (`2>&-`) would get its number, and our notes. Not
// writable, as a closed one is not, but for standard error, whose lines are then lost as asked.
void keep_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0) {
      static_cast<void>(::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY));
    }
  }
}

struct Bound {
  CLI::App* app = nullptr;
  std::function<void()> run;
};

// Verbs by name: "patch", "sae train".
using BoundVerbs = std::map<std::string, Bound>;

// What "sae train" and its like hang under.
std::map<std::string, CLI::App*> bind_groups(CLI::App& app) {
  std::map<std::string, CLI::App*> groups;
  for (const VerbGroup& group : verb_groups()) {
    CLI::App* sub = app.add_subcommand(std::string(group.name), std::string(group.summary));
    sub->require_subcommand(1);
    sub->footer(fmt::format("\n`headscope {} VERB --help` shows a verb's options and an example.",
                            group.name));
    groups[std::string(group.name)] = sub;
  }
  return groups;
}

BoundVerbs bind_verbs(CLI::App& app, Invocation& invocation) {
  BoundVerbs bound;
  const auto groups = bind_groups(app);
  for (const Verb& verb : all_verbs()) {
    const std::size_t space = verb.name.find(' ');
    const bool grouped = space != std::string_view::npos;
    CLI::App* parent = grouped ? groups.at(std::string(verb.name.substr(0, space))) : &app;
    CLI::App* sub = parent->add_subcommand(std::string(verb.name.substr(grouped ? space + 1 : 0)),
                                           std::string(verb.summary));
    sub->footer("\nExample:\n" + std::string(verb.example));
    auto run = verb.bind(*sub, invocation);
    add_common_options(*sub, invocation.common);
    bound[std::string(verb.name)] = {sub, std::move(run)};
  }
  return bound;
}

// The names that begin with `group` and a space, without these; without one, the first words.
std::vector<std::string> names_within(const BoundVerbs& verbs, const std::string& group) {
  std::vector<std::string> names;
  for (const auto& [name, bound] : verbs) {
    const std::size_t space = name.find(' ');
    if (group.empty()) {
      if (names.empty() ||
          names.back() != name.substr(0, space)) {  // a group's verbs are neighbours
        names.push_back(name.substr(0, space));
      }
    } else if (space != std::string::npos && name.substr(0, space) == group) {
      names.push_back(name.substr(space + 1));
    }
  }
  return names;
}

// The name of the verb that the words begin with; empty if they ask for help or the version first.
// Throws UsageError for a word that is none.
std::string verb_of(const std::vector<std::string>& words, const BoundVerbs& verbs) {
  if (words.empty() || words[0].starts_with("-")) {
    return {};
  }
  check_verb(words[0], names_within(verbs, ""), "");
  const std::vector<std::string> within = names_within(verbs, words[0]);
  if (within.empty()) {
    return words[0];
  }
  if (words.size() < 2 || words[1].starts_with("-")) {
    return {};
  }
  check_verb(words[1], within, words[0] + " ");
  return words[0] + " " + words[1];
}

// `headscope help sae train` is `headscope sae train --help`.
std::vector<std::string> without_help_verb(std::vector<std::string> words) {
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// What went wrong where a value was forgotten: "; --prompt took --top as its value". An option's
// value may be text that begins with dashes, so the next option's name is a value too.
std::string option_taken_as_value(const std::vector<std::string>& words, CLI::App& app) {
  const auto option = [&](const std::string& word) -> const CLI::Option* {
    return word.starts_with("--") ? app.get_option_no_throw(word) : nullptr;
  };
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const CLI::Option* takes = option(words[i]);
    if (takes != nullptr && takes->get_items_expected_min() > 0 &&
        option(words[i + 1]) != nullptr) {
      return fmt::format("; {} took {} as its value", words[i], words[i + 1]);
    }
  }
  return {};
}

// The words in the order CLI11 takes them, those behind the verb told apart.
std::vector<std::string> told_apart(std::vector<std::string> words,
                                    const std::string& verb,
                                    const BoundVerbs& verbs) {
  if (!verb.empty()) {
    const std::ptrdiff_t names = verb.find(' ') == std::string::npos ? 1 : 2;
    const auto rest = words_of(*verbs.at(verb).app, {words.begin() + names, words.end()});
    words.erase(words.begin() + names, words.end());
    words.insert(words.end(), rest.begin(), rest.end());
  }
  std::reverse(words.begin(), words.end());
  return words;
}

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app(kSummary, "headscope");
  Invocation invocation{.command_line = command_line(argc, argv), .common = {}};
  app.formatter(help_format());  // verbs take it over
  app.footer(kFooter);
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  const BoundVerbs verbs = bind_verbs(app, invocation);
  const std::vector<std::string> words = without_help_verb({argv + std::min(argc, 1), argv + argc});
  const std::string verb = verb_of(words, verbs);
  set_document_verb(verb);
  if (verb.empty() && (words.empty() || !words.back().starts_with("-"))) {
    print(words.empty() ? app.help() : app.get_subcommand(words[0])->help("headscope"));
    return 2;
  }
  try {
    app.parse(told_apart(words, verb, verbs));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);  // --help, --version
    }
    throw UsageError("{}{} (headscope {}--help shows what there is)",
                     one_line(error.what()),
                     verb.empty() ? "" : option_taken_as_value(words, *verbs.at(verb).app),
                     verb.empty() ? "" : verb + " ");
  }
  refuse_empty_values(*verbs.at(verb).app);
  check_several_gpus(verb, invocation.common.device);
  apply(invocation.common);
  verbs.at(verb).run();
  return 0;
}

// Whether the command asks for JSON, told from its words: it may be the words that are wrong.
bool asks_for_json(int argc, const char* const* argv) {
  return std::any_of(argv + std::min(argc, 1), argv + argc, [](const char* word) {
    return word == std::string_view("--json");
  });
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `headscope hooks … | head` ends quietly
  std::signal(SIGXFSZ, SIG_IGN);  // writing beyond `ulimit -f` fails instead, and is reported
  keep_standard_streams();
  try {
    const int code = parse_and_run(argc, argv);
    finish_output();
    return code;
  } catch (...) {
    const Failure failure = describe_current_exception();
    if (asks_for_json(argc, argv)) {
      print_error_document(failure);
    } else {
      print_note(failure.message);
    }
    return failure.exit_code;
  }
}

void leave(int code) {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
#if !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::exit(code);
#else
  std::_Exit(code);
#endif
}

}  // namespace headscope
