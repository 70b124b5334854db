#include "cli/trace/export_files.h"

#include <algorithm>
#include <optional>

#include "cli/output.h"
#include "cli/trace/trace_view.h"
#include "hooks/address.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

[[noreturn]] void refuse(const TraceReader& trace, const std::string& pattern) {
  std::vector<std::string> names;
  for (const TraceDataset& dataset : trace.datasets()) {
    const auto some = names_of(dataset.name);
    names.insert(names.end(), some.begin(), some.end());
  }
  throw UsageError("{}: not recorded in this trace{} (headscope inspect TRACE lists what is)",
                   pattern,
                   did_you_mean(pattern, names));
}

// As `record --hooks` reads a pattern: aliases count as names, and each alternative of a brace must
// name something.
std::vector<std::string> hooks_of(const TraceReader& trace, const std::string& pattern) {
  std::vector<std::string> found;
  for (const std::string& one : expand_braces(pattern)) {
    const std::size_t before = found.size();
    for (const TraceDataset& dataset : trace.datasets()) {
      const auto names = names_of(dataset.name);
      if (std::any_of(names.begin(), names.end(), [&](const std::string& name) {
            return glob_matches(one, name);
          })) {
        found.push_back(dataset.name);
      }
    }
    if (found.size() == before) {
      refuse(trace, one);
    }
  }
  return found;
}

// In the order of layers, each once.
std::vector<std::string> chosen_hooks(const TraceReader& trace, const ExportOptions& options) {
  std::vector<std::string> patterns = options.hooks;
  if (patterns.empty() && options.format == "html") {
    patterns = {"*attn.hook_pattern"};
  }
  if (patterns.empty()) {
    throw UsageError("export needs --hook NAME (headscope inspect {} lists them)", options.trace);
  }
  std::vector<std::string> names;
  for (const std::string& pattern : patterns) {
    for (const std::string& name : hooks_of(trace, pattern)) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  std::stable_sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
    return split_hook(a).layer < split_hook(b).layer;
  });
  return names;
}

std::vector<std::size_t> chosen_prompts(const TraceReader& trace, const ExportOptions& options) {
  std::vector<std::size_t> chosen;
  for (const std::int64_t prompt : options.prompts) {
    if (prompt < 0 || static_cast<std::size_t>(prompt) >= trace.prompt_count()) {
      throw UsageError(
          "--prompt {}: {} has prompts 0 to {}", prompt, options.trace, trace.prompt_count() - 1);
    }
    chosen.push_back(static_cast<std::size_t>(prompt));
  }
  if (!chosen.empty()) {
    return chosen;
  }
  for (std::size_t i = 0; i < trace.prompt_count(); ++i) {
    if (trace.done(i)) {
      chosen.push_back(i);
    }
  }
  if (chosen.empty()) {
    throw DataError("{}: no prompt was finished; `headscope record … --resume`", options.trace);
  }
  if (chosen.size() < trace.prompt_count()) {
    print_note(fmt::format("{}: {} not recorded yet and left out",
                           options.trace,
                           counted(trace.prompt_count() - chosen.size(), "prompt")));
  }
  return chosen;
}

std::filesystem::path file_of(const ExportOptions& options, const TraceView& view) {
  std::string name = view.hook;
  std::replace(name.begin(), name.end(), '/', '.');
  name += view.head < 0 ? "" : fmt::format(".head{}", view.head);
  name += fmt::format(".prompt{}.{}", view.prompt, options.format);
  return std::filesystem::path(options.out) / name;
}

std::string picture(const TraceReader& trace, const TraceView& view, const std::string& format) {
  const bool png = format == "png";
  const bool one = view.head >= 0 || head_count(trace.dataset(view.hook)) == 0;
  if (one) {
    const HeatMap map = heat_map_of(trace, view);
    return png ? to_png(map) : to_svg(map);
  }
  const SmallMultiples page = small_multiples_of(trace, view);
  return png ? to_png(page) : to_svg(page);
}

void write_one(const TraceReader& trace,
               const TraceView& view,
               const std::string& format,
               const std::filesystem::path& path) {
  if (format == "npy") {
    const TraceReader::Values read = trace.read(view.hook, view.prompt, view.head);
    write_npy(path, read.shape, read.values);
  } else if (format == "csv") {
    write_csv(path, array_of(trace, view));
  } else {
    write_file(path, picture(trace, view, format));
  }
}

// A second trace of the page has hooks and prompts of its own, chosen in the same way.
ViewerPart part_of(const TraceReader& trace, const ExportOptions& options) {
  return {trace,
          {chosen_hooks(trace, options), chosen_prompts(trace, options), options.head},
          std::filesystem::path(options.trace).filename().string()};
}

ExportedFile write_page(const TraceReader& trace, const ExportOptions& options) {
  std::vector<ViewerPart> parts{part_of(trace, options)};
  std::optional<TraceReader> other;
  if (!options.with.empty()) {
    ExportOptions same = options;
    same.trace = options.with;
    other.emplace(options.with);
    parts.push_back(part_of(*other, same));
  }
  const ViewerSelection& selection = parts.front().selection;
  const std::string point = split_hook(selection.hooks.front()).point;
  const bool one_prompt = selection.prompts.size() == 1 && options.prompts.size() == 1;
  std::string name = point;
  name += options.head < 0 ? "" : fmt::format(".head{}", options.head);
  name += one_prompt ? fmt::format(".prompt{}", selection.prompts.front()) : "";
  const std::filesystem::path path = std::filesystem::path(options.out) / (name + ".html");
  write_viewer(parts, path);
  return {path,
          point,
          one_prompt ? static_cast<std::int64_t>(selection.prompts.front()) : -1,
          options.head};
}

}  // namespace

std::vector<ExportedFile> export_files(const ExportOptions& options) {
  const TraceReader trace(options.trace);
  if (options.format == "html") {
    return {write_page(trace, options)};
  }
  const std::vector<std::string> hooks = chosen_hooks(trace, options);
  const std::vector<std::size_t> prompts = chosen_prompts(trace, options);
  std::vector<ExportedFile> files;
  for (const std::string& hook : hooks) {
    for (const std::size_t prompt : prompts) {
      const TraceView view{hook, prompt, options.head};
      const std::filesystem::path path = file_of(options, view);
      write_one(trace, view, options.format, path);
      files.push_back({path, hook, static_cast<std::int64_t>(prompt), options.head});
    }
  }
  return files;
}

}  // namespace headscope
