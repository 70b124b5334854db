// headscope inspect: what is inside a file that headscope wrote, and whether it is whole.
#include <CLI/CLI.hpp>

#include "cli/atlas/atlas_view.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/result_view.h"
#include "cli/trace/known_file.h"
#include "cli/verbs.h"
#include "hooks/trace/trace.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/shape_text.h"

namespace headscope {
namespace {

constexpr std::size_t kAtlasHeads = 4;  // listed of each detector

std::string bytes_text(std::uint64_t bytes) {
  return format_bytes(static_cast<std::int64_t>(bytes));
}

std::string state_text(const TraceSummary& trace) {
  return trace.complete ? "complete"
                        : fmt::format(
                              "incomplete: {} of {} prompts; `headscope record … --resume` "
                              "records the others",
                              trace.prompts_done,
                              trace.prompts);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

// What was run, without the config (--json has it).
template <typename Document>
std::string provenance_text(const Document& provenance) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& [key, value] : provenance.items()) {
    if (!value.is_structured()) {
      lines.emplace_back(key, value.is_string() ? value.template get<std::string>() : value.dump());
    }
  }
  return facts(lines);
}

std::string to_text(const TraceSummary& trace) {
  Table table({{"dataset"}, {"axes"}, {"shape"}, {"dtype"}, {"bytes"}, {"in the file"}});
  for (const TraceSummary::Dataset& dataset : trace.datasets) {
    table.row({dataset.name,
               joined(dataset.axes),
               shape_text(dataset.shape),
               std::string(to_string(dataset.dtype)),
               bytes_text(dataset.logical_bytes),
               bytes_text(dataset.stored_bytes)});
  }
  return facts(
             {{"trace", trace.path},
              {"state", state_text(trace)},
              {"prompts", grouped(trace.prompts)},
              {"tokens",
               fmt::format("{}, at most {} a prompt", grouped(trace.tokens), trace.longest_prompt)},
              {"spans", joined(trace.spans)},
              {"file",
               fmt::format("{}{} ({} on disk)",
                           bytes_text(trace.file_bytes),
                           trace.compressed ? ", compressed" : "",
                           bytes_text(trace.disk_bytes))}}) +
         "\n" + table.text() + "\n" + provenance_text(trace.provenance);
}

// A file that is neither a trace nor a result.
void show_other(const std::string& path, const KnownFile& known, const Invocation& invocation) {
  if (known.noun == "atlas") {
    const Atlas atlas = read_atlas(path);
    show(invocation,
         atlas_json(atlas, kAtlasHeads),
         atlas_text(atlas, kAtlasHeads) + "\n" + provenance_text(atlas.provenance));
    return;
  }
  const OrderedJson json = describe_known_file(path, known);
  show(invocation, json, provenance_text(json));
}

void inspect(const std::string& path, const Invocation& invocation) {
  if (is_result_file(path)) {
    const Result result = read_result(path);
    show(invocation,
         result_json(result, PerPrompt::left_out, 10),
         result_text(result, 10) + "\n" + provenance_text(result.header.provenance));
  } else if (const auto known = known_file(path)) {
    show_other(path, *known, invocation);
  } else {
    const TraceSummary summary = inspect_trace(path);
    show(invocation, to_json(summary), to_text(summary));
  }
}

}  // namespace

Verb inspect_verb() {
  return {
      .name = "inspect",
      .summary =
          "What is inside a file that headscope wrote, where it came from, whether it is whole",
      .example =
          "  headscope inspect trace.h5\n"
          "  headscope inspect trace.h5 --json\n"
          "  headscope inspect atlas.h5\n"
          "  headscope inspect niah.json",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto path = std::make_shared<std::string>();
        app.add_option(
               "FILE", *path, "A trace, a result, an atlas, or another file headscope wrote")
            ->required();
        return [path, &invocation] { inspect(*path, invocation); };
      },
  };
}

}  // namespace headscope
