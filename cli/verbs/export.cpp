// headscope export: values of a trace as arrays, pictures and pages.
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "cli/output.h"
#include "cli/sweep/result_view.h"
#include "cli/trace/export_files.h"
#include "cli/trace/known_file.h"
#include "cli/trace/notebook_json.h"
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
  if (!options.with.empty() && options.picture.format != "html") {
    throw UsageError("--with puts two traces or two results into one page: give --format html");
  }
}

void check_sort_by(const ExportOptions& options) {
  if (!options.sort_by.empty() && options.picture.format != "html") {
    throw UsageError("--sort-by is the order of heads in a page: give --format html");
  }
}

// A result has neither hooks nor prompts to choose from.
std::vector<ExportedFile> result_files(const ExportOptions& options) {
  if (!options.hooks.empty() || options.head >= 0 || !options.prompts.empty() ||
      !options.sort_by.empty()) {
    throw UsageError("{}: a sweep's result; --hook, --head, --prompt and --sort-by are for traces",
                     options.trace);
  }
  if (is_notebook_format(options.picture.format) || options.tokens != TokenRange{}) {
    throw UsageError("{}: a sweep's result; --tokens, CircuitsVis and BertViz are for traces",
                     options.trace);
  }
  std::vector<ExportedFile> files;
  for (const auto& path : export_result(
           options.trace,
           {options.picture, options.out, options.out_kind == OutputKind::file, options.with})) {
    files.push_back({.path = path, .hook = ""});
  }
  return files;
}

constexpr std::array kFormats{"npy", "csv", "png", "svg", "pdf", "html", "circuitsvis", "bertviz"};

// A name with the ending of a format is a file, whatever else is a folder.
void settle_output(ExportOptions& options) {
  std::string& format = options.picture.format;
  const std::string ending = std::filesystem::path(options.out).extension().string();
  const auto same = [&](const char* known) { return ending == std::string(".") + known; };
  const bool json = ending == ".json";
  const bool file =
      !is_folder(options.out) && (json || std::any_of(kFormats.begin(), kFormats.end(), same));
  if (!file) {
    if (format.empty()) {
      throw UsageError("export needs --format ({}), or -o FILE with such an ending",
                       fmt::join(kFormats, ", "));
    }
    return check_output_folder(options.out);
  }
  if (format.empty() && !json) {
    format = ending.substr(1);
  }
  if (format.empty() || ending != (is_notebook_format(format) ? ".json" : "." + format)) {
    throw UsageError("-o {}: {}",
                     options.out,
                     format.empty() ? "--format circuitsvis or bertviz says what JSON it is to be"
                                    : "the ending is not that of --format " + format);
  }
  options.out_kind = OutputKind::file;
  check_output_file(options.out);
}

// What only some formats know is no option of others.
void check_format(const CLI::App& app, const ExportOptions& options) {
  const std::string& format = options.picture.format;
  for (const char* option : {"--scale", "--max"}) {
    if (app.count(option) > 0 && !is_picture_format(format)) {
      throw UsageError("{} is for pictures: --format png, svg or pdf", option);
    }
  }
  if (app.count("--tokens") > 0 && !is_picture_format(format) && !is_notebook_format(format)) {
    throw UsageError(
        "--tokens is for pictures, circuitsvis and bertviz{}",
        format == "html" ? "; a page crops by itself, with #tokens=0:64 in its address" : "");
  }
}

void add_picture_options(CLI::App& app, ExportOptions& options) {
  static const std::map<std::string, ValueScale> kScales{
      {"linear", ValueScale::linear}, {"sqrt", ValueScale::sqrt}, {"log", ValueScale::log}};
  app.add_option("--scale",
                 options.picture.scale,
                 "How values become colours: linear, sqrt or log (four decades)")
      ->transform(CLI::CheckedTransformer(kScales).description(""));
  app.add_option("--max",
                 options.picture.max,
                 "The value of the last colour; default: the largest, so that pictures differ")
      ->check(CLI::PositiveNumber);
  app.add_option_function<std::string>(
      "--tokens",
      [&options](const std::string& text) { options.tokens = parse_token_range(text); },
      "Only these tokens, FROM:TO (the one behind the last), as 0:64");
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
  app.add_option("--format",
                 options.picture.format,
                 "npy, csv, png, svg, pdf, html (a viewer of all heads), circuitsvis or bertviz "
                 "(JSON for them); default: by the ending of -o")
      ->check(CLI::IsMember(std::vector<std::string>(kFormats.begin(), kFormats.end())));
  app.add_option("--sort-by",
                 options.sort_by,
                 "Heads of the page by their scores in a file: a sweep's result, a list of heads, "
                 "ATLAS.h5:DETECTOR (html)");
  add_picture_options(app, options);
  app.add_option("-o,--output", options.out, "The folder to write into, or the one file to write")
      ->required();
}

}  // namespace

Verb export_verb() {
  return {
      .name = "export",
      .summary =
          "A trace or a result as arrays, pictures (png, svg, pdf), a page, or JSON for notebooks",
      .example =
          "  headscope export trace.h5 --hook blocks.3.attn.hook_pattern --head 2 --prompt 0 "
          "-o head.pdf\n"
          "  headscope export trace.h5 --hook '*pattern' --scale sqrt --tokens 0:64 --format png "
          "-o out/\n"
          "  headscope export trace.h5 --format circuitsvis -o out/   # for a Python notebook\n"
          "  headscope export trace.h5 --format html -o out/   # every head of every prompt\n"
          "  headscope export a.h5 --with b.h5 --format html -o out/   # two traces, and their "
          "difference\n"
          "  headscope export patch.h5 --format png -o out/    # a sweep's heat map",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ExportOptions>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          settle_output(*options);
          check_format(app, *options);
          check_with(*options);
          check_sort_by(*options);
          const auto files =
              is_result_file(options->trace) ? result_files(*options) : trace_files(*options);
          show(invocation, to_json(files), to_text(files));
        };
      },
  };
}

}  // namespace headscope
