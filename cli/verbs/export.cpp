// headscope export: what is in a file as arrays, pictures and pages.
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "cli/atlas/atlas_export.h"
#include "cli/niah/niah_export.h"
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

std::vector<ExportedFile> listed(const std::vector<std::filesystem::path>& paths) {
  std::vector<ExportedFile> files;
  for (const auto& path : paths) {
    files.push_back({.path = path, .hook = ""});
  }
  return files;
}

// What is asked of a trace alone.
void refuse_trace_options(const ExportOptions& options, std::string_view noun) {
  if (!options.hooks.empty() || options.head >= 0 || !options.prompts.empty() ||
      !options.sort_by.empty()) {
    throw UsageError(
        "{}: {}; --hook, --head, --prompt and --sort-by are for traces", options.trace, noun);
  }
  if (is_notebook_format(options.picture.format) || options.tokens != TokenRange{}) {
    throw UsageError(
        "{}: {}; --tokens, CircuitsVis and BertViz are for traces", options.trace, noun);
  }
}

// An atlas, or what niah found.
std::vector<ExportedFile> known_files(const ExportOptions& options, const KnownFile& known) {
  const bool atlas = known.noun == "atlas";
  if (!atlas && known.noun != "result of niah") {
    throw DataError(
        "{}: export takes traces, results, atlases and results of niah, and this is: "
        "{}; {}",
        options.trace,
        known.noun,
        known.shown_by);
  }
  refuse_trace_options(options, known.noun);
  if (!options.with.empty()) {
    throw UsageError(
        "{}: --with is for traces and results; headscope compare puts two atlases or "
        "lists of heads beside each other",
        options.trace);
  }
  const ExportTarget target{options.picture, options.out, options.out_kind};
  return listed(atlas ? export_atlas(options.trace, target) : export_niah(options.trace, target));
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
  refuse_trace_options(options, "a sweep's result");
  return listed(export_result(
      options.trace,
      {options.picture, options.out, options.out_kind == OutputKind::file, options.with}));
}

std::vector<ExportedFile> exported_files(const ExportOptions& options) {
  const std::filesystem::path path = atlas_path(options.trace);
  if (is_result_file(path)) {
    return result_files(options);
  }
  const auto known = known_file(path);
  return known ? known_files(options, *known) : export_files(options);
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
  app.add_option(
         "FILE",
         options.trace,
         "A trace of headscope record, a sweep's result, an atlas (ATLAS.h5, or ATLAS.h5:DETECTOR) "
         "or a result of niah (.json)")
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
          "A trace, a result, an atlas as arrays, pictures (png, svg, pdf), a page, JSON for "
          "notebooks",
      .example =
          "  headscope export trace.h5 --hook blocks.3.attn.hook_pattern --head 2 --prompt 0 "
          "-o head.pdf\n"
          "  headscope export trace.h5 --hook '*pattern' --scale sqrt --tokens 0:64 --format png "
          "-o out/\n"
          "  headscope export trace.h5 --format circuitsvis -o out/   # for a Python notebook\n"
          "  headscope export trace.h5 --format html -o out/   # every head of every prompt\n"
          "  headscope export a.h5 --with b.h5 --format html -o out/   # two traces, and their "
          "difference\n"
          "  headscope export patch.h5 --format png -o out/    # a sweep's heat map\n"
          "  headscope export atlas.h5:induction -o induction.pdf   # what a detector says of "
          "every "
          "head\n"
          "  headscope export niah.json -o niah.csv   # a line a prompt",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ExportOptions>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          settle_output(*options);
          check_format(app, *options);
          check_with(*options);
          check_sort_by(*options);
          const auto files = exported_files(*options);
          show(invocation, to_json(files), to_text(files));
        };
      },
  };
}

}  // namespace headscope
