// Files out of a trace.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace headscope {

struct ExportOptions {
  std::string trace;
  std::string with;                   // a second trace, shown beside the first (html only)
  std::vector<std::string> hooks;     // names, aliases or globs; empty: all patterns (html only)
  std::int64_t head = -1;             // −1: all
  std::vector<std::int64_t> prompts;  // empty: all that are done
  std::string format;                 // "npy", "csv", "png", "svg" or "html"
  std::string out;                    // a folder; made if missing
};

struct ExportedFile {
  std::filesystem::path path;
  std::string hook;
  std::int64_t prompt = -1;  // −1: several
  std::int64_t head = -1;    // −1: all
};

// npy, csv, png, svg: one file a hook and prompt, OUT/<hook>[.head<h>].prompt<p>.<format>; html:
// one viewer, OUT/<point>.html. Throws UsageError for what the trace does not hold, DataError for a
// broken trace or a prompt that is not done.
std::vector<ExportedFile> export_files(const ExportOptions& options);

}  // namespace headscope
