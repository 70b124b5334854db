// headscope man: manual pages, one to read or all into a folder.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "cli/manual/man_page.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/named.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

struct ManArguments {
  std::vector<std::string> verb;
  std::string folder;
};

void write_pages(const std::filesystem::path& folder, const Invocation& invocation) {
  const std::vector<VerbText> verbs = describe_verbs();
  std::filesystem::create_directories(folder);
  write_file(folder / "headscope.1", program_page(verbs));
  for (const VerbText& verb : verbs) {
    write_file(folder / page_file(verb), verb_page(verb));
  }
  show(invocation,
       {{"folder", folder.string()}, {"pages", verbs.size() + 1}},
       fmt::format("{} manual pages in {}\n", verbs.size() + 1, folder.string()));
}

void show_page(const ManArguments& options, const Invocation& invocation) {
  const std::vector<VerbText> verbs = describe_verbs();
  const std::string name = fmt::format("{}", fmt::join(options.verb, " "));
  const std::string page =
      name.empty() ? program_page(verbs)
                   : verb_page(find_named(verbs, name, "VERB " + name + ": no such verb"));
  show(invocation, {{"verb", name}, {"page", page}}, page);
}

void run_man(const ManArguments& options, const Invocation& invocation) {
  if (options.folder.empty()) {
    show_page(options, invocation);
  } else if (!options.verb.empty()) {
    throw UsageError("-o writes the pages of all verbs; leave out the verb, or -o");
  } else {
    write_pages(options.folder, invocation);
  }
}

}  // namespace

Verb man_verb() {
  return {
      .name = "man",
      .summary = "The manual page of a verb, or all pages into a folder",
      .example =
          "  headscope man sae train | man -l -\n"
          "  headscope man -o ~/.local/share/man/man1",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ManArguments>();
        app.add_option("VERB", options->verb, "The verb, in one word or two; none: the program");
        add_output_folder(app, options->folder, "Write headscope.1 and a page a verb here");
        return [options, &invocation] { run_man(*options, invocation); };
      },
  };
}

}  // namespace headscope
