#include "hooks/trace/trace_inspect.h"

#include <algorithm>
#include <set>

#include <sys/stat.h>

#include "hooks/trace/trace_file.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

TraceSummary::Dataset summary_of(const StoredDataset& stored, std::size_t prompts) {
  TraceSummary::Dataset dataset;
  dataset.name = stored.info.name;
  dataset.path = stored.link;
  dataset.axes = stored.info.axes;
  dataset.shape = stored.info.shape;
  dataset.shape.insert(dataset.shape.begin(), static_cast<std::int64_t>(prompts));
  dataset.dtype = stored.info.dtype;
  dataset.logical_bytes =
      prompts * static_cast<std::uint64_t>(elements_of(stored.info)) * size_of(stored.info.dtype);
  dataset.stored_bytes = stored.stored_bytes;
  return dataset;
}

void add_prompts(TraceSummary& summary, const std::vector<Prompt>& prompts) {
  std::set<std::string> spans;
  for (const Prompt& prompt : prompts) {
    summary.tokens += static_cast<std::int64_t>(prompt.tokens.size());
    for (const auto& [name, span] : prompt.spans) {
      spans.insert(name);
    }
  }
  summary.prompts = static_cast<std::int64_t>(prompts.size());
  summary.longest_prompt = longest_prompt(prompts);
  summary.spans.assign(spans.begin(), spans.end());
}

}  // namespace

TraceSummary inspect_trace(const std::filesystem::path& path) {
  const PosixFile file = open_trace_to_read(path);
  TraceContents contents = open_trace_file(file);
  const std::vector<std::uint8_t> done = read_done_marks(file, contents);
  TraceSummary summary;
  summary.path = path.string();
  summary.version = kTraceVersion;
  add_prompts(summary, contents.prompts);
  summary.prompts_done = std::ranges::count(done, std::uint8_t{1});
  summary.complete = summary.prompts_done == summary.prompts;
  summary.compressed = contents.compressed();
  struct stat status {};
  ::fstat(file.descriptor(), &status);
  summary.file_bytes = static_cast<std::uint64_t>(status.st_size);
  summary.disk_bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  for (const StoredDataset& stored : contents.datasets) {
    summary.datasets.push_back(summary_of(stored, contents.prompts.size()));
    summary.logical_bytes += summary.datasets.back().logical_bytes;
  }
  summary.provenance = std::move(contents.provenance);
  return summary;
}

OrderedJson to_json(const TraceSummary& summary) {
  OrderedJson json{{"path", summary.path},
                   {"format", "headscope-trace"},
                   {"version", summary.version},
                   {"complete", summary.complete},
                   {"prompts", summary.prompts},
                   {"prompts_done", summary.prompts_done},
                   {"longest_prompt", summary.longest_prompt},
                   {"tokens", summary.tokens},
                   {"spans", summary.spans},
                   {"compressed", summary.compressed},
                   {"file_bytes", summary.file_bytes},
                   {"disk_bytes", summary.disk_bytes},
                   {"logical_bytes", summary.logical_bytes}};
  json["datasets"] = OrderedJson::array();
  for (const TraceSummary::Dataset& dataset : summary.datasets) {
    json["datasets"].push_back({{"name", dataset.name},
                                {"path", dataset.path},
                                {"axes", dataset.axes},
                                {"shape", dataset.shape},
                                {"dtype", std::string(to_string(dataset.dtype))},
                                {"logical_bytes", dataset.logical_bytes},
                                {"stored_bytes", dataset.stored_bytes}});
  }
  json["provenance"] = OrderedJson::parse(summary.provenance.dump());
  return json;
}

}  // namespace headscope
