// The kinds of file that are written bit by bit, survive a kill and are gone on with: traces, plain
// and compressed, results, and logs of lines as niah keeps them. What must hold of each is tested
// once, for all of them, in stored_*_test.cpp; a new kind joins by a function like those at the end
// of this file. Atlases, which need Torch, join in tests/head_detectors/stored_atlas_test.cpp.
#pragma once

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "hooks/stored/line_log.h"
#include "lib/base/error.h"
#include "tests/results/result_cases.h"
#include "tests/trace/trace_cases.h"

namespace headscope::stored {

// What write() tells while it writes. A unit is what is finished as one: a prompt of a trace, a
// value of a result.
struct Told {
  std::function<void()> step = [] {};                    // the file is made; a batch is finished
  std::function<void(std::size_t)> wrote = [](auto) {};  // this unit is on disk
};

struct Seen {
  std::size_t done = 0;  // units
  bool complete = false;
  std::string wrong;  // the first unit that is done and not as written, or ""
};

struct StoredKind {
  std::string name;
  std::size_t units = 0;
  int steps = 0;                                                           // that a new file takes
  std::function<void(const std::filesystem::path&, const Told&)> write{};  // or goes on with it
  std::function<Seen(const std::filesystem::path&)> read{};                // throws DataError
  std::size_t value_bytes = 0;          // at the end of a plain file, under no seal
  bool compressed = false;              // checksums cover the values too
  bool takes_its_room_at_once = false;  // a disk that fills up later does it no harm
  bool sealed = true;  // its length and metadata; else a line that is cut is redone
};

using Bytes = std::vector<std::uint8_t>;

inline void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

// Where the bytes begin that no seal covers: the seal itself says it. Of a log: its first line.
inline std::size_t metadata_end(const Bytes& whole) {
  if (whole.front() == '{') {
    return static_cast<std::size_t>(std::find(whole.begin(), whole.end(), '\n') - whole.begin()) +
           1;
  }
  const std::string text(whole.begin(), whole.begin() + 512);
  return std::stoull(text.substr(text.find("metadata ") + 9, 20));
}

// Written `batch` prompts at once, as a recording of several does.
struct TraceWay {
  int compress = 0;
  std::size_t batch = 1;
};

inline StoredKind trace_kind(const std::string& name,
                             const TraceHeader& made,
                             const TraceWay& way = {}) {
  StoredKind kind{.name = name,
                  .units = made.prompts.size(),
                  .steps = 1 + static_cast<int>(made.prompts.size() / way.batch),
                  .value_bytes = made.prompts.size(),
                  .compressed = way.compress > 0};
  std::size_t longest = 0;
  for (const Prompt& prompt : made.prompts) {
    longest = std::max(longest, prompt.tokens.size());
  }
  for (const TraceDataset& dataset : made.datasets) {
    std::size_t elements = 4 * made.prompts.size();
    for (const std::int64_t size : shape_at(dataset, static_cast<std::int64_t>(longest))) {
      elements *= static_cast<std::size_t>(size);
    }
    kind.value_bytes += elements;
  }
  kind.write = [made, way](const std::filesystem::path& path, const Told& told) {
    TraceWriter::Options options{IfExists::resume};
    options.compress = way.compress;
    TraceWriter writer(path, made, options);
    told.step();
    std::deque<std::size_t> queued;  // prompts that a thread of the writer still has to store
    const std::size_t before = writer.done_count();
    std::size_t stored = 0;
    for (std::size_t first = 0; first < made.prompts.size(); first += way.batch) {
      std::vector<std::size_t> batch;
      for (std::size_t i = first; i < std::min(first + way.batch, made.prompts.size()); ++i) {
        if (!writer.done(i)) {
          batch.push_back(i);
        }
      }
      if (!batch.empty()) {
        trace_cases::write_prompts(writer, made, batch);
        queued.insert(queued.end(), batch.begin(), batch.end());
      }
      for (const std::size_t now = writer.done_count() - before; stored < now; ++stored) {
        told.wrote(queued.front());
        queued.pop_front();
      }
      told.step();
    }
    writer.finish();
  };
  kind.read = [made](const std::filesystem::path& path) {
    const TraceReader reader(path);
    inspect_trace(path);
    Seen seen{.complete = reader.complete(), .wrong = trace_cases::first_wrong(reader, made)};
    for (std::size_t i = 0; i < made.prompts.size(); ++i) {
      seen.done += reader.done(i) ? 1 : 0;
    }
    return seen;
  };
  return kind;
}

// A part of the values, across cells and in an order of its own: pieces of several lengths.
inline std::vector<ResultStore::Value> result_batch(const ResultStore& store,
                                                    std::int64_t which,
                                                    std::int64_t batches) {
  std::vector<ResultStore::Value> values;
  for (const ResultStore::Value& value : result_cases::missing(store, 0, store.cells())) {
    if ((value.cell + 3 * value.prompt) % batches == which) {
      values.push_back(value);
    }
  }
  return values;
}

inline StoredKind result_kind(const std::string& name, const ResultHeader& made) {
  constexpr std::int64_t kBatches = 8;
  const std::size_t prompts = made.prompt_ids.size();
  std::size_t cells = 1;
  for (const ResultAxis& axis : made.axes) {
    cells *= axis.labels.size();
  }
  // Marks and values, two baselines and their marks, the means.
  StoredKind kind{.name = name,
                  .units = cells * prompts,
                  .steps = 2 + static_cast<int>(kBatches),
                  .value_bytes = cells * prompts * 9 + 2 * prompts * 8 + 2 + cells * 8,
                  .takes_its_room_at_once = true};
  kind.write = [made, prompts](const std::filesystem::path& path, const Told& told) {
    ResultStore store(path, made, IfExists::resume);
    told.step();
    result_cases::put_baselines(store);
    told.step();
    for (std::int64_t which = 0; which < kBatches; ++which) {
      const std::vector<ResultStore::Value> values = result_batch(store, which, kBatches);
      store.put(values);
      for (const ResultStore::Value& value : values) {
        told.wrote(static_cast<std::size_t>(value.cell) * prompts +
                   static_cast<std::size_t>(value.prompt));
      }
      told.step();
    }
    store.finish();
  };
  kind.read = [prompts](const std::filesystem::path& path) {
    const Result result = read_result(path);
    Seen seen{.done = static_cast<std::size_t>(result.done),
              .complete = result.complete(),
              .wrong = result_cases::first_wrong(result)};
    const auto right = [&](const std::vector<double>& baseline, double scale) {
      return baseline.empty() || baseline == result_cases::baseline_of(prompts, scale);
    };
    if (!right(result.clean, 1.0) || !right(result.corrupted, -1.0)) {
      seen.wrong = "a baseline";
    }
    return seen;
  };
  return kind;
}

inline constexpr FileKind kLog{.format = "headscope-niah-samples",
                               .version = 1,
                               .noun = "list of samples",
                               .source = "make one",
                               .again = "start again",
                               .form = FileKind::Form::lines};

// Of many facts, so that damage falls on them too.
inline Json log_identity() {
  Json identity = {{"weights_hash", "xxh3:1"}, {"batch_tokens", 4096}};
  for (int i = 0; i < 60; ++i) {
    identity["fact " + std::to_string(i)] = 17 * i;
  }
  return identity;
}

inline Json log_line(std::size_t unit) {
  return {{"mask", "top:5"},
          {"prompt", "len " + std::to_string(unit)},
          {"recall", static_cast<double>(unit) / 7.0},
          {"response", std::string(100, static_cast<char>('a' + unit % 26)) + "\n\"\xc3\xa9"}};
}

inline StoredKind log_kind(const std::string& name, std::size_t units) {
  StoredKind kind{.name = name, .units = units, .steps = 1 + static_cast<int>(units)};
  kind.sealed = false;
  kind.write = [units](const std::filesystem::path& path, const Told& told) {
    LineLog log(path, kLog, log_identity(), IfExists::resume);
    told.step();
    for (std::size_t unit = log.found().size(); unit < units; ++unit) {
      log.add(log_line(unit));
      told.wrote(unit);
      told.step();
    }
  };
  kind.read = [units](const std::filesystem::path& path) {
    try {
      const LineLog log(path, kLog, log_identity(), IfExists::resume);
      Seen seen{.done = log.found().size(), .complete = log.found().size() == units, .wrong = {}};
      for (std::size_t unit = 0; unit < seen.done; ++unit) {
        if (log.found()[unit] != log_line(unit)) {
          seen.wrong = "line " + std::to_string(unit);
        }
      }
      return seen;
    } catch (const UsageError& error) {  // of another run, as far as damage lets it be told
      throw DataError("{}", error.what());
    }
  };
  return kind;
}

}  // namespace headscope::stored
