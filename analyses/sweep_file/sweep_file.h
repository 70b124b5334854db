// The file of `headscope sweep`: several sweeps of one model.
//
//   {"model": "smollm2", "task": "ioi.jsonl", "output": "out/ioi", "metric": "logit_diff",
//    "sweeps": [{"verb": "patch", "site": "z"},
//               {"verb": "ablate", "mode": "mean", "name": "knocked-out"},
//               {"verb": "path-patch", "receiver": ["logits"], "senders": "heads"}]}
//
// An entry's keys are the fields of its method (RequestField), which are the long options of its
// verb: vocabulary, defaults and errors are those of the command line; "verb" and "name" are its
// own. task, metric, positions, prepend-bos, skip-unfit and intervene may stand at the top for all
// entries that do not say otherwise. Paths are relative to the file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/json.h"

namespace headscope {

struct SweepEntry {
  std::size_t index = 0;     // among "sweeps"
  std::string verb = {};     // "patch"
  std::string name = {};     // "patch-z": that of its file, unique
  OrderedJson options = {};  // field → value, those of the top included

  [[nodiscard]] std::string where() const;  // "sweeps[2] (patch-z)": how its errors begin
};

struct SweepFile {
  std::filesystem::path file;
  std::string model;
  std::filesystem::path output;  // a folder
  std::vector<SweepEntry> entries;

  // Where a path leads: from the folder of the file, unless it is absolute.
  [[nodiscard]] std::string resolved(const std::string& path) const;
  [[nodiscard]] std::filesystem::path file_of(const SweepEntry& entry) const {
    return output / (entry.name + ".h5");
  }
};

// Throws DataError naming the file, and the entry, for what is no such list: malformed JSON, a key
// twice or unknown at the top, a verb that does not sweep, two entries of one name. Options are
// checked by FileEntry.
SweepFile read_sweep_file(const std::filesystem::path& file);

}  // namespace headscope
