#include "lib/weights/safetensors_index.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/weights/printable.h"
#include "lib/weights/safetensors_json.h"

namespace headscope {
namespace {

Json read_index(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return parse_safetensors_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                path.string());
}

// A name that stays in the index's own directory.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

}  // namespace

SafetensorsIndex::SafetensorsIndex(const std::filesystem::path& path) : path_(path.string()) {
  const Json index = read_index(path);
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object() || map->empty()) {
    throw DataError("{}: no weight_map of tensors to shards; {}", path_, kDownloadAgain);
  }
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string() || !is_plain_name(shard.get_ref<const std::string&>())) {
      throw DataError("{}: tensor {}: its shard is no plain file name; {}",
                      path_,
                      printable(tensor),
                      kDownloadAgain);
    }
    shard_of_.emplace(tensor, shard.get<std::string>());
  }
}

std::set<std::string> SafetensorsIndex::shards() const {
  std::set<std::string> names;
  for (const auto& [tensor, shard] : shard_of_) {
    names.insert(shard);
  }
  return names;
}

bool SafetensorsIndex::is_elsewhere(const std::string& tensor, const std::string& shard) const {
  const auto found = shard_of_.find(tensor);
  return found != shard_of_.end() && found->second != shard;
}

void SafetensorsIndex::check_shard(const std::string& shard,
                                   std::span<const StoredTensor> tensors) const {
  std::set<std::string_view> held;
  for (const StoredTensor& tensor : tensors) {
    held.insert(tensor.name);
  }
  for (const auto& [tensor, place] : shard_of_) {
    if (place == shard && !held.contains(tensor)) {
      throw DataError("{}: tensor {} is not in its shard {}; download both again",
                      path_,
                      printable(tensor),
                      printable(shard));
    }
  }
}

}  // namespace headscope
