// What a trace holds: prompts, recorded hook points and where they came from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/stored/seal.h"
#include "lib/base/dtype.h"
#include "lib/base/json.h"
#include "lib/text/prompt.h"

namespace headscope {

inline constexpr std::int64_t kTraceVersion = 1;
inline constexpr FileKind kTraceKind{
    "headscope-trace", kTraceVersion, "trace", "`headscope record` makes one", "record it again"};

// One recorded hook point: /activations/<name>. `axes` begins with "prompt"; those named "pos",
// "query" or "key" are ragged (a prompt of length L fills [0, L) of them); the rest are fixed.
struct TraceDataset {
  std::string name;                 // "blocks.3.attn.hook_pattern"
  std::vector<std::string> axes;    // {"prompt", "head", "query", "key"}
  std::vector<std::int64_t> shape;  // sizes after "prompt"; ragged axes 0, filled in by the writer
  DType dtype = DType::f32;         // as stored
  bool operator==(const TraceDataset&) const = default;
};

struct TraceHeader {
  Json provenance;  // model, weights hash, config, tokenizer hash, command line, version, seed, …
  std::vector<Prompt> prompts;
  std::vector<TraceDataset> datasets;  // of /activations, and /logits/last or /logits/all
};

// True for the axes whose size is the prompt's length: "pos", "query" and "key".
bool is_ragged_axis(const std::string& axis);

// True for "head" and "kv_head".
bool is_head_axis(const std::string& axis);

// Elements, after "prompt", of one prompt at the sizes in `shape`. Throws UsageError on overflow.
std::int64_t elements_of(const TraceDataset& dataset);

// The sizes after "prompt" of a prompt of `length` tokens: ragged axes at `length`.
std::vector<std::int64_t> shape_at(const TraceDataset& dataset, std::int64_t length);

std::int64_t longest_prompt(const std::vector<Prompt>& prompts);

// `header` with the ragged sizes filled in and text made storable (NUL, which HDF5 text cannot
// hold, becomes U+2400). Throws UsageError naming what is wrong: no prompts, an empty prompt, a
// span outside its prompt, a dataset named twice or with axes that do not fit its shape.
TraceHeader completed(TraceHeader header);

// The bytes the values of all prompts will take on disk, uncompressed.
std::uint64_t bytes_to_write(const TraceHeader& completed_header);

}  // namespace headscope
