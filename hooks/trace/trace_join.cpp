#include "hooks/trace/trace_join.h"

#include <algorithm>

#include "hooks/trace/trace_reader.h"
#include "hooks/trace/trace_writer.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPromptsAtOnce = 16;  // whose values of one dataset are held in memory

std::size_t done_in(const fs::path& path) {
  const TraceReader trace(path);
  std::size_t done = 0;
  for (std::size_t prompt = 0; prompt < trace.prompt_count(); ++prompt) {
    done += trace.done(prompt) ? 1 : 0;
  }
  return done;
}

// Neighbours that `from` has and `to` lacks, from `first` on; none of them at the end.
TraceReader::PromptRange next_run(const TraceReader& from,
                                  const TraceWriter& to,
                                  std::size_t first) {
  const auto wanted = [&](std::size_t prompt) { return from.done(prompt) && !to.done(prompt); };
  while (first < from.prompt_count() && !wanted(first)) {
    ++first;
  }
  TraceReader::PromptRange run{first, 0};
  while (run.count < kPromptsAtOnce && first + run.count < from.prompt_count() &&
         wanted(first + run.count)) {
    ++run.count;
  }
  return run;
}

void copy_part(const fs::path& part, TraceWriter& to) {
  const TraceReader from(part);
  for (auto run = next_run(from, to, 0); run.count > 0;
       run = next_run(from, to, run.first + run.count)) {
    std::vector<std::size_t> prompts;
    for (std::size_t i = 0; i < run.count; ++i) {
      prompts.push_back(run.first + i);
    }
    for (const TraceDataset& dataset : from.datasets()) {
      std::vector<std::uint8_t> bytes;
      from.read_stored(dataset.name, run, bytes);
      to.write(prompts, dataset.name, dataset.dtype, held(std::move(bytes)));
    }
    to.finish_prompts(prompts);
  }
  to.flush();
}

}  // namespace

void join_traces(const std::vector<fs::path>& parts, const fs::path& out, int compress) {
  std::vector<fs::path> left = parts;
  if (!path_exists(out)) {
    if (left.empty()) {
      throw InternalError("{}: no trace to join", out.string());
    }
    const auto fullest = std::ranges::max_element(left, {}, done_in);
    fs::rename(*fullest, out);
    left.erase(fullest);
  }
  TraceHeader header;
  {
    const TraceReader there(out);
    header = {there.provenance(), there.prompts(), there.datasets()};
  }
  TraceWriter to(out, header, {.if_exists = IfExists::resume, .compress = compress});
  for (const fs::path& part : left) {
    copy_part(part, to);
  }
  to.finish();
}

}  // namespace headscope
