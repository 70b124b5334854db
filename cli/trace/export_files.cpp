#include "cli/trace/export_files.h"

#include <algorithm>
#include <optional>

#include "cli/output.h"
#include "cli/trace/notebook_json.h"
#include "cli/trace/sort_scores.h"
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

// Pages and files for notebooks show all patterns unless told otherwise.
bool may_default(const ExportOptions& options) {
  return options.picture.format == "html" || is_notebook_format(options.picture.format);
}

// In the order of layers, each once.
std::vector<std::string> chosen_hooks(const TraceReader& trace, const ExportOptions& options) {
  std::vector<std::string> patterns = options.hooks;
  if (patterns.empty() && may_default(options)) {
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

// What a file is about, before it gets its name.
struct Planned {
  TraceView view;
  std::string point;  // of several layers, in place of view.hook
};

std::filesystem::path file_of(const ExportOptions& options, const Planned& planned) {
  if (options.out_kind == OutputKind::file) {
    return options.out;
  }
  std::string name = planned.point.empty() ? planned.view.hook : planned.point;
  std::replace(name.begin(), name.end(), '/', '.');
  name += options.head < 0 ? "" : fmt::format(".head{}", options.head);
  name += fmt::format(".prompt{}.{}", planned.view.prompt, options.picture.format);
  name += is_notebook_format(options.picture.format) ? ".json" : "";
  return std::filesystem::path(options.out) / name;
}

std::string picture_of(const TraceReader& trace,
                       const TraceView& view,
                       const PictureOptions& options) {
  const bool one = view.head >= 0 || head_count(trace.dataset(view.hook)) == 0;
  return one ? picture(heat_map_of(trace, view), options)
             : picture(small_multiples_of(trace, view), options);
}

void write_one(const TraceReader& trace,
               const TraceView& view,
               const PictureOptions& options,
               const std::filesystem::path& path) {
  if (options.format == "npy") {
    const TraceReader::Values read = trace.read(view.hook, view.prompt, view.head);
    write_npy(path, read.shape, read.values);
  } else if (options.format == "csv") {
    write_csv(path, array_of(trace, view));
  } else {
    write_file(path, picture_of(trace, view, options));
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
  const std::filesystem::path path = options.out_kind == OutputKind::file
                                         ? std::filesystem::path(options.out)
                                         : std::filesystem::path(options.out) / (name + ".html");
  write_viewer(parts,
               path,
               options.sort_by.empty() ? ViewerData::OwnScores{} : sort_scores(options.sort_by));
  return {path,
          point,
          one_prompt ? static_cast<std::int64_t>(selection.prompts.front()) : -1,
          options.head};
}

void check_one_file(const ExportOptions& options, std::size_t count) {
  if (options.out_kind == OutputKind::file && count != 1) {
    throw UsageError(
        "-o {}: this makes {}; choose one by --hook, --head and --prompt, or give -o a folder",
        options.out,
        counted(count, "file"));
  }
}

std::vector<ExportedFile> write_for_notebooks(const TraceReader& trace,
                                              const ExportOptions& options) {
  const std::vector<std::string> hooks = chosen_hooks(trace, options);
  const std::vector<std::size_t> prompts = chosen_prompts(trace, options);
  check_one_file(options, prompts.size());
  const std::string point = split_hook(hooks.front()).point;
  std::vector<ExportedFile> files;
  for (const std::size_t prompt : prompts) {
    const auto path = file_of(options, {{hooks.front(), prompt, options.head}, point});
    write_notebook_json(
        trace, {hooks, prompt, options.head, options.tokens}, options.picture.format, path);
    files.push_back({path, point, static_cast<std::int64_t>(prompt), options.head});
  }
  return files;
}

}  // namespace

std::vector<ExportedFile> export_files(const ExportOptions& options) {
  const TraceReader trace(options.trace);
  if (options.picture.format == "html") {
    return {write_page(trace, options)};
  }
  if (is_notebook_format(options.picture.format)) {
    return write_for_notebooks(trace, options);
  }
  const std::vector<std::string> hooks = chosen_hooks(trace, options);
  const std::vector<std::size_t> prompts = chosen_prompts(trace, options);
  check_one_file(options, hooks.size() * prompts.size());
  std::vector<ExportedFile> files;
  for (const std::string& hook : hooks) {
    for (const std::size_t prompt : prompts) {
      const TraceView view{hook, prompt, options.head, options.tokens};
      const std::filesystem::path path = file_of(options, {view, ""});
      write_one(trace, view, options.picture, path);
      files.push_back({path, hook, static_cast<std::int64_t>(prompt), options.head});
    }
  }
  return files;
}

}  // namespace headscope
