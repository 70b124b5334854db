// What `headscope inspect` shows: everything about a trace but its values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hooks/trace/trace_schema.h"
#include "lib/base/json.h"

namespace headscope {

struct TraceSummary {
  struct Dataset {
    std::string name;
    std::string path;  // inside the file, for h5py
    std::vector<std::string> axes;
    std::vector<std::int64_t> shape;  // with the number of prompts first
    DType dtype = DType::f32;
    std::uint64_t logical_bytes = 0;  // of the padded values, uncompressed
    std::uint64_t stored_bytes = 0;   // place taken in the file: less where compressed
  };

  std::string path;
  std::int64_t version = 0;
  std::int64_t prompts = 0;
  std::int64_t prompts_done = 0;
  bool complete = false;
  bool compressed = false;
  std::int64_t longest_prompt = 0;  // tokens
  std::int64_t tokens = 0;          // of all prompts
  std::vector<std::string> spans;   // names
  std::uint64_t file_bytes = 0;     // the file's length
  std::uint64_t disk_bytes = 0;     // blocks it takes: less while parts are unwritten
  std::uint64_t logical_bytes = 0;  // of all datasets
  std::vector<Dataset> datasets;
  Json provenance;
};

// Throws DataError like TraceReader's constructor.
TraceSummary inspect_trace(const std::filesystem::path& path);

OrderedJson to_json(const TraceSummary& summary);

}  // namespace headscope
