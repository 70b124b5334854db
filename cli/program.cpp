#include "cli/program.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/render/visible.h"
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
`headscope VERB --help` shows a verb's options and an example.
Exit codes: 0 done, 1 internal, 2 usage, 3 bad data, 4 resources (memory, disk, GPU), 130 interrupted.)";

std::string command_line(int argc, const char* const* argv) {
  std::string line = "headscope";
  for (int i = 1; i < argc; ++i) {
    line += " " + shell_quoted(argv[i]);
  }
  return replace_invalid_utf8(line);  // it is stored in files, whose texts are UTF-8
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
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!word.starts_with("-")) {
    check_verb(word, all_verbs());
    words = words_of(*verbs.at(word).app, {words.begin() + 1, words.end()});
    words.insert(words.begin(), word);
  }
  try {
    if (argc > 1) {
      std::reverse(words.begin(), words.end());  // as CLI11 wants them
      app.parse(std::move(words));
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
  std::signal(SIGXFSZ, SIG_IGN);  // writing beyond `ulimit -f` fails instead, and is reported
  keep_standard_streams();
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
