// headscope status: how far the parts of a sweep are, also while they are written.
#include <algorithm>
#include <chrono>
#include <cmath>

#include <CLI/CLI.hpp>

#include "analyses/cluster/rank_files.h"
#include "analyses/results/result_store.h"
#include "analyses/sweep/rank_shards.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

// One part as it is now.
struct PartStatus {
  std::string path;
  std::string part;  // "rank 3", "3/64"; empty: a whole file
  std::int64_t done = 0;
  double idle = 0.0;  // seconds since it was last written
};

struct SweepStatus {
  std::vector<PartStatus> parts;
  std::int64_t done = 0;  // (cell, prompt) pairs in any part
  std::int64_t total = 0;
};

std::vector<fs::path> parts_at(const fs::path& place) {
  if (!is_folder(place)) {
    const std::vector<fs::path> files = shards_of(place);
    if (files.empty()) {
      throw DataError("{}: there is neither a file nor a folder {}",
                      place.string(),
                      shard_folder(place).string());
    }
    return files;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(place)) {
    if (entry.path().extension() == ".h5") {
      files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    throw DataError("{}: holds no parts of a sweep (.h5)", place.string());
  }
  std::ranges::sort(files);
  return files;
}

PartStatus status_of_part(const fs::path& path, const Result& result) {
  std::error_code none;
  const auto written = fs::last_write_time(path, none);
  const std::chrono::duration<double> idle = fs::file_time_type::clock::now() - written;
  const Json& provenance = result.header.provenance;
  return {path.string(), provenance.value("shard", ""), result.done, std::max(0.0, idle.count())};
}

SweepStatus status_of(const std::vector<fs::path>& files) {
  SweepStatus status;
  std::vector<bool> done;
  for (const fs::path& path : files) {
    const Result result = read_result(path);
    if (done.empty()) {
      done.resize(result.per_prompt.size());
    }
    if (done.size() != result.per_prompt.size()) {
      throw UsageError("{} and {} are not of one sweep: they have {} and {} values",
                       files.front().string(),
                       path.string(),
                       done.size(),
                       result.per_prompt.size());
    }
    for (std::size_t pair = 0; pair < done.size(); ++pair) {
      done[pair] = done[pair] || !std::isnan(result.per_prompt[pair]);
    }
    status.parts.push_back(status_of_part(path, result));
  }
  status.total = std::ssize(done);
  status.done = std::ranges::count(done, true);
  return status;
}

std::string status_text(const SweepStatus& status) {
  Table table({{.name = "part"}, {.name = "values"}, {.name = "last written"}, {.name = "file"}});
  for (const PartStatus& part : status.parts) {
    table.row({part.part.empty() ? "whole" : part.part,
               part.done,
               format_seconds(part.idle) + " ago",
               part.path});
  }
  return fmt::format("{}{} of {} values done ({:.1f} %), in {} files\n",
                     table.text(),
                     grouped(status.done),
                     grouped(status.total),
                     100.0 * static_cast<double>(status.done) / static_cast<double>(status.total),
                     status.parts.size());
}

OrderedJson status_json(const SweepStatus& status) {
  OrderedJson json{{"done", status.done}, {"total", status.total}};
  for (const PartStatus& part : status.parts) {
    json["parts"].push_back({{"path", part.path},
                             {"part", part.part},
                             {"done", part.done},
                             {"seconds_since_written", part.idle}});
  }
  return json;
}

}  // namespace

Verb status_verb() {
  return {
      .name = "status",
      .summary = "How far the parts of a sweep are, also while ranks write them",
      .example =
          "  headscope status patch.h5        # its ranks' files in patch.h5.shards\n"
          "  headscope status shards/         # parts made with --shard",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto place = std::make_shared<std::string>();
        app.add_option("PLACE", *place, "The output, or a folder of parts")->required();
        return [place, &invocation] {
          const SweepStatus status = status_of(parts_at(*place));
          show(invocation, status_json(status), status_text(status));
        };
      },
  };
}

}  // namespace headscope
