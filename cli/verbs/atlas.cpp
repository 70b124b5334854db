// headscope atlas: an atlas as a page, a table or JSON.
#include <CLI/CLI.hpp>

#include "cli/atlas/atlas_page.h"
#include "cli/atlas/atlas_view.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

struct AtlasArguments {
  std::string atlas;
  std::string out;
  std::size_t top = 4;
};

void run(const AtlasArguments& options, const Invocation& invocation) {
  const Atlas atlas = read_atlas(options.atlas);
  const bool csv = std::filesystem::path(options.out).extension() == ".csv";
  std::string page;
  if (!options.out.empty()) {
    if (csv) {
      write_file(options.out, atlas_csv(atlas));
    } else {
      write_atlas_page(atlas, options.out);
    }
    page = fmt::format(
        "{}   {}\n",
        std::filesystem::absolute(options.out).string(),
        csv ? "every detector's score of every head" : "the page: open it in a browser");
  }
  show(invocation, atlas_json(atlas, options.top), atlas_text(atlas, options.top) + page);
}

}  // namespace

Verb atlas_verb() {
  return {
      .name = "atlas",
      .summary = "What `detect` found, as one page: layers and heads coloured by role",
      .example =
          "  headscope detect smollm2 -o atlas.h5 --confirm\n"
          "  headscope atlas atlas.h5 -o atlas.html && xdg-open atlas.html\n"
          "\n"
          "Click a head for all its scores, attention maps, the places in text where it looks "
          "hardest, and\nwhat happens without it. The page is one file and needs no network.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<AtlasArguments>();
        app.add_option("ATLAS", options->atlas, "A file `detect` wrote (.h5)")->required();
        add_output(app, options->out, "The page to write (.html), or all scores as .csv");
        app.add_option("--top", options->top, "Heads to list a detector")->capture_default_str();
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
