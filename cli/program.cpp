#include "cli/program.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/quoted.h"
#include "cli/render/visible.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

constexpr const char* kSummary =
    "headscope: attention heads of language models, recorded, seen and changed";
constexpr const char* kFooter = R"(
Example:
  headscope predict smollm2 --prompt "When Mary and John went to the store, John gave a drink to"

MODEL is a Hugging Face directory, a .gguf file, a hub id in the local cache, or smollm2.
`headscope VERB --help` shows a verb's options and an example.
Exit codes: 0 done, 1 internal, 2 usage, 3 bad data, 4 resources (memory, disk, GPU), 130 interrupted.)";

std::string command_line(int argc, const char* const* argv) {
  std::string line = "headscope";
  for (int i = 1; i < argc; ++i) {
    line += " " + shell_quoted(argv[i]);
  }
  return line;
}

// CLI11 says only that a word was not expected.
void check_verb(const std::string& word, const std::vector<Verb>& verbs) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) {
    names.emplace_back(verb.name);
    if (word == verb.name) {
      return;
    }
  }
  throw UsageError("{}: no such verb{} (headscope --help lists them)",
                   visible(word, Spaces::kept),
                   did_you_mean(word, names));
}

void check_options(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> known{"--help"};
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      known.push_back("--" + name);
    }
  }
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string flag = word.substr(0, word.find('='));
    if (flag == "--") {
      return;
    }
    if (flag.starts_with("--") && std::find(known.begin(), known.end(), flag) == known.end()) {
      throw UsageError("{}: no such option{} (headscope {} --help lists them)",
                       visible(flag, Spaces::kept),
                       did_you_mean(flag, known),
                       app.get_name());
    }
  }
}

struct Bound {
  CLI::App* app = nullptr;
  std::function<void()> run;
};

std::map<std::string, Bound> bind_verbs(CLI::App& app, Invocation& invocation) {
  std::map<std::string, Bound> bound;
  for (const Verb& verb : all_verbs()) {
    CLI::App* sub = app.add_subcommand(std::string(verb.name), std::string(verb.summary));
    sub->footer("\nExample:\n" + std::string(verb.example));
    auto run = verb.bind(*sub, invocation);
    add_common_options(*sub, invocation.common);
    bound[std::string(verb.name)] = {sub, std::move(run)};
  }
  return bound;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app(kSummary, "headscope");
  Invocation invocation{.command_line = command_line(argc, argv), .common = {}};
  app.footer(kFooter);
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  const auto verbs = bind_verbs(app, invocation);
  const std::string word = argc > 1 ? argv[1] : "--help";
  if (!word.starts_with("-")) {
    check_verb(word, all_verbs());
    check_options(*verbs.at(word).app, argc, argv);
  }
  try {
    if (argc > 1) {
      app.parse(argc, argv);
    } else {
      print(app.help());
      return 2;
    }
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);  // --help, --version
    }
    const std::string verb = verbs.contains(word) ? word + " " : "";
    throw UsageError("{} (headscope {}--help shows what there is)", one_line(error.what()), verb);
  }
  apply(invocation.common);
  verbs.at(app.get_subcommands().front()->get_name()).run();
  return 0;
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `headscope hooks … | head` ends quietly
  try {
    const int code = parse_and_run(argc, argv);
    finish_output();
    return code;
  } catch (...) {
    const Failure failure = describe_current_exception();
    print_note(failure.message);
    return failure.exit_code;
  }
}

}  // namespace headscope
