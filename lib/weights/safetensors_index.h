// model.safetensors.index.json: which shard holds which tensor.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>

#include "lib/weights/weight_source.h"

namespace headscope {

class SafetensorsIndex {
 public:
  // Throws DataError for malformed JSON, a missing or empty weight_map, or a shard that is no plain
  // file name.
  explicit SafetensorsIndex(const std::filesystem::path& path);

  // File names in alphabetical order, which is the order of their numbers.
  [[nodiscard]] std::set<std::string> shards() const;

  // Does the index put this tensor into another shard?
  [[nodiscard]] bool is_elsewhere(const std::string& tensor, const std::string& shard) const;

  // Throws DataError unless `tensors`, all those of `shard`, hold every one the index puts there.
  void check_shard(const std::string& shard, std::span<const StoredTensor> tensors) const;

 private:
  std::string path_;
  std::map<std::string, std::string> shard_of_;
};

}  // namespace headscope
