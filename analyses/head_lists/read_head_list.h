// Reads a list of heads in whatever format it is: the content tells. Free of Torch.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyses/head_lists/head_list.h"
#include "lib/base/json.h"

namespace headscope {

// Throws DataError: the file cannot be read, is of no format known here (the message lists them),
// or is broken in a way the message names.
HeadList read_head_list(const std::filesystem::path& path);

// A file taken in once, for the formats to look at.
struct HeadListFile {
  std::filesystem::path path;  // of the file itself, where a folder was given
  std::string text;
  Json json;  // null where the text is no JSON
};

// A format: its name, as help lists it, and the reader, which gives nothing for a file that is not
// of it.
struct HeadListFormat {
  std::string_view name;
  std::optional<HeadList> (*read)(const HeadListFile& file);
};
const std::vector<HeadListFormat>& head_list_formats();

// The formats, a file each.
// {"layer-head": [score per sample]}: Wu et al. 2024, arXiv:2404.15574. A head's score is the mean.
std::optional<HeadList> read_retrieval_head_json(const HeadListFile& file);
// A line of floats a layer, one a KV head, clipped to [0, 1]; config.json may lie beside it: Xiao
// et al. 2024 (DuoAttention), arXiv:2410.10819.
std::optional<HeadList> read_duo_attention(const HeadListFile& file);
// {"heads": [{"layer": 0, "head": 0, "score": 0.1}, …]}, with "space": "kv" for KV heads and
// "n_layers", "n_heads" where not every head is listed (the others are 0). What niah writes.
std::optional<HeadList> read_scored_heads_json(const HeadListFile& file);

}  // namespace headscope
