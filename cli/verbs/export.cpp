// headscope export: values of a trace as arrays, pictures and pages.
#include <algorithm>
#include <array>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "cli/sweep/result_view.h"
#include "cli/trace/export_files.h"
#include "cli/trace/known_file.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

OrderedJson to_json(const std::vector<ExportedFile>& files) {
  OrderedJson list = OrderedJson::array();
  for (const ExportedFile& file : files) {
    list.push_back({{"path", file.path.string()},
                    {"hook", file.hook},
                    {"prompt", file.prompt < 0 ? OrderedJson() : OrderedJson(file.prompt)},
                    {"head", file.head < 0 ? OrderedJson() : OrderedJson(file.head)}});
  }
  return {{"files", std::move(list)}};
}

std::string to_text(const std::vector<ExportedFile>& files) {
  std::string text;
  for (const ExportedFile& file : files) {
    text += file.path.string() + "\n";
  }
  return text;
}

std::vector<ExportedFile> trace_files(const ExportOptions& options) {
  if (const auto known = known_file(options.trace)) {
    throw DataError("{}: export takes traces and results, and this is: {}; {}",
                    options.trace,
                    known->noun,
                    known->shown_by);
  }
  return export_files(options);
}

void check_with(const ExportOptions& options) {
  if (!options.with.empty() && options.format != "html") {
    throw UsageError("--with puts two traces or two results into one page: give --format html");
  }
}

// A result has neither hooks nor prompts to choose from.
std::vector<ExportedFile> result_files(const ExportOptions& options) {
  if (!options.hooks.empty() || options.head >= 0 || !options.prompts.empty()) {
    throw UsageError("{}: a sweep's result; --hook, --head and --prompt choose from traces",
                     options.trace);
  }
  std::vector<ExportedFile> files;
  for (const auto& path : export_result(options.trace, options.format, options.out, options.with)) {
    files.push_back({.path = path, .hook = ""});
  }
  return files;
}

// `-o picture.png` would make a folder of that name.
void check_folder_name(const ExportOptions& options) {
  constexpr std::array kEndings{".npy", ".csv", ".png", ".svg", ".html"};
  const std::string ending = std::filesystem::path(options.out).extension().string();
  if (std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end() &&
      !is_folder(options.out)) {
    throw UsageError(
        "{}: -o is the folder to write into, and files get their names from what they "
        "hold; give a folder",
        options.out);
  }
}

void add_options(CLI::App& app, ExportOptions& options) {
  app.add_option("FILE", options.trace, "A trace of headscope record, or a sweep's result")
      ->required();
  app.add_option("--hook", options.hooks, "A recorded hook point, alias or glob; repeatable")
      ->allow_extra_args(false);
  app.add_option("--head", options.head, "One head only")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20));
  app.add_option("--prompt", options.prompts, "A prompt by its number; repeatable; default: all")
      ->allow_extra_args(false);
  app.add_option(
      "--with", options.with, "A second trace or result in the same page, to compare with (html)");
  app.add_option("--format", options.format, "npy, csv, png, svg or html (a viewer of all heads)")
      ->required()
      ->check(CLI::IsMember({"npy", "csv", "png", "svg", "html"}));
  add_output_folder(app, options.out, "The folder to write into")->required();
}

}  // namespace

Verb export_verb() {
  return {
      .name = "export",
      .summary = "A trace or a result as arrays (npy, csv), pictures (png, svg) or a page (html)",
      .example =
          "  headscope export trace.h5 --hook blocks.3.attn.hook_pattern --head 2 --prompt 0 "
          "--format png -o out/\n"
          "  headscope export trace.h5 --format html -o out/   # every head of every prompt\n"
          "  headscope export a.h5 --with b.h5 --format html -o out/   # two traces, and their "
          "difference\n"
          "  headscope export patch.h5 --format png -o out/    # a sweep's heat map",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ExportOptions>();
        add_options(app, *options);
        return [options, &invocation] {
          check_folder_name(*options);
          check_with(*options);
          const auto files =
              is_result_file(options->trace) ? result_files(*options) : trace_files(*options);
          show(invocation, to_json(files), to_text(files));
        };
      },
  };
}

}  // namespace headscope
