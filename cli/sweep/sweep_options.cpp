// The options every sweep verb has, and how they are spelled.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

#include <CLI/CLI.hpp>

#include "analyses/metric/metric.h"
#include "cli/intervene.h"
#include "cli/sweep/sweep_run.h"
#include "lib/base/error.h"

namespace headscope {

void add_grid_options(CLI::App& app, SweepVerbOptions& options) {
  add_model(app, options.model);
  app.add_option("--task", options.task, "A task file (headscope task make)")->required();
  add_output(app, options.out, "The file of results to write (.h5)");
  app.add_option("--metric", options.metric, "What a run is judged by")
      ->check(CLI::IsMember([] {
        std::vector<std::string> names;
        for (const Metric& metric : all_metrics()) {
          names.emplace_back(metric.name);
        }
        return names;
      }()))
      ->capture_default_str();
  app.add_option("--positions",
                 options.positions,
                 "What is changed: all, end, a span of the task, or token numbers 3,5 (from the "
                 "end: -1)")
      ->capture_default_str();
  app.add_flag("--resume", options.resume, "Go on with an unfinished file");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file")->excludes("--resume");
  app.add_option("--memory", options.memory, "The most to take beside the weights, as in 4GB")
      ->default_str("70 % of what is free");
  app.add_flag("--per-prompt", options.per_prompt, "Every prompt's value in --json too");
  app.add_flag("--skip-unfit", options.skip_unfit, "Leave out items that do not fit the tokenizer");
  app.add_option("--top", options.top, "Cells to list")->capture_default_str();
  app.add_option(
         "--repeats", options.repeats, "Run the whole sweep so often and say how long it took")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_prepend_bos(app, options.bos);
  add_intervene(app, options.intervene);
}

void add_sweep_options(CLI::App& app, SweepVerbOptions& options) {
  add_grid_options(app, options);
  app.add_option("--shard", options.shard, "I/N: the I-th of N parts; headscope merge joins them");
  app.add_flag(
      "--plain", options.plain, "One edit and whole forward passes a cell: the slow check");
}

std::int64_t parse_bytes(const std::string& text) {
  static const std::map<std::string, double> units{{"", 1},
                                                   {"b", 1},
                                                   {"kb", 1e3},
                                                   {"mb", 1e6},
                                                   {"gb", 1e9},
                                                   {"tb", 1e12},
                                                   {"kib", 1024.},
                                                   {"mib", 1048576.},
                                                   {"gib", 1073741824.}};
  double number = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  std::string unit(stop, end);
  unit.erase(
      0,
      unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  const auto found = units.find(unit);
  if (error != std::errc() || found == units.end() || !(number > 0) ||
      number * found->second > 9e18) {
    throw UsageError("--memory {}: not a size, for example 4GB or 512MB", text);
  }
  return static_cast<std::int64_t>(number * found->second);
}

OverAxes parse_over(const std::string& text) {
  if (text == "layer") {
    return {};
  }
  if (text == "layer,head") {
    return {.heads = true};
  }
  if (text == "layer,pos") {
    return {.positions = true};
  }
  if (text == "layer,head,pos") {
    return {.heads = true, .positions = true};
  }
  throw UsageError("--over {}: layer, layer,head, layer,pos or layer,head,pos", text);
}

}  // namespace headscope
