// Files out of a trace.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/render/picture.h"
#include "cli/trace/token_range.h"

namespace headscope {

enum class OutputKind { folder, file };

struct ExportOptions {
  std::string trace;
  std::string with;                   // a second trace, shown beside the first (html only)
  std::string sort_by;                // a file with a score a head, "" for none (html only)
  std::vector<std::string> hooks;     // names, aliases or globs; empty: all patterns (html only)
  std::int64_t head = -1;             // −1: all
  std::vector<std::int64_t> prompts;  // empty: all that are done
  PictureOptions picture;             // its format: "npy", "csv", "png", "svg", "pdf", "html",
                                      // "circuitsvis" or "bertviz"
  TokenRange tokens{};                // of pictures and of the last two
  std::string out;                    // a folder, made if missing; or the one file to write
  OutputKind out_kind = OutputKind::folder;
};

struct ExportedFile {
  std::filesystem::path path;
  std::string hook;
  std::int64_t prompt = -1;  // −1: several
  std::int64_t head = -1;    // −1: all
};

// npy, csv and pictures: one file a hook and prompt, OUT/<hook>[.head<h>].prompt<p>.<format>;
// circuitsvis and bertviz: one a prompt, OUT/<point>[.head<h>].prompt<p>.<format>.json; html: one
// viewer, OUT/<point>.html. Where `out` is a file, exactly one must come out. Throws UsageError for
// that and for what the trace does not hold, DataError for a broken trace or a prompt that is not
// done.
std::vector<ExportedFile> export_files(const ExportOptions& options);

}  // namespace headscope
