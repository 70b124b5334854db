#include "analyses/head_lists/read_head_list.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

// DuoAttention publishes folders.
fs::path file_of(const fs::path& path) {
  return is_folder(path) ? path / "full_attention_heads.tsv" : path;
}

HeadListFile taken_in(const fs::path& path) {
  HeadListFile file{.path = file_of(path), .text = {}, .json = {}};
  std::ifstream in(file.path, std::ios::binary);
  if (!in) {
    throw DataError("{}: cannot open the list of heads: {}{}",
                    file.path.string(),
                    std::strerror(errno),
                    is_folder(path) ? "; of a folder DuoAttention's file is read" : "");
  }
  file.text.assign(std::istreambuf_iterator<char>(in), {});
  const std::size_t first = file.text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && (file.text[first] == '{' || file.text[first] == '[')) {
    file.json = parse_json(file.text, file.path.string());
  }
  return file;
}

}  // namespace

const std::vector<HeadListFormat>& head_list_formats() {
  static const std::vector<HeadListFormat> formats{
      {"Retrieval_Head JSON {\"layer-head\": [scores]}", read_retrieval_head_json},
      {"JSON {\"heads\": [{\"layer\", \"head\", \"score\"}]}", read_scored_heads_json},
      {"DuoAttention's TSV or its folder", read_duo_attention},
  };
  return formats;
}

HeadList read_head_list(const fs::path& path) {
  const HeadListFile file = taken_in(path);
  std::vector<std::string_view> names;
  for (const HeadListFormat& format : head_list_formats()) {
    if (std::optional<HeadList> list = format.read(file)) {
      list->path = path.string();
      return *list;
    }
    names.push_back(format.name);
  }
  throw DataError(
      "{}: no list of heads headscope knows; it reads {}", path.string(), fmt::join(names, ", "));
}

}  // namespace headscope
