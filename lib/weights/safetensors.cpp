#include <algorithm>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/base/warning.h"
#include "lib/weights/mapped_weights.h"
#include "lib/weights/mxfp4_weights.h"
#include "lib/weights/printable.h"
#include "lib/weights/safetensors_header.h"
#include "lib/weights/safetensors_index.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

class SafetensorsWeights final : public MappedWeights {
 public:
  void add_file(const fs::path& path) {
    const MappedFile& file = map(path);
    for (SafetensorsTensor& entry : read_safetensors_header(file.bytes(), path.string())) {
      add_tensor(file, std::move(entry));
    }
  }

  void add_shards(const fs::path& directory) {
    const SafetensorsIndex index(directory / kIndex);
    for (const std::string& shard : index.shards()) {
      if (!path_exists(directory / shard)) {
        throw DataError("{}: shard {} is missing from {}; download it",
                        (directory / kIndex).string(),
                        printable(shard),
                        directory.string());
      }
      const std::size_t before = tensors().size();
      add_shard(directory / shard, shard, index);
      index.check_shard(shard, std::span(tensors()).subspan(before));
    }
    warn_of_other_copies(directory);
  }

 private:
  // What a shard holds of a tensor that the index puts in another.
  struct OtherCopy {
    std::string tensor;
    std::string shard;
    std::span<const std::uint8_t> bytes;
  };

  // Where two shards hold one tensor, the index decides: one it puts elsewhere is left alone.
  void add_shard(const fs::path& path, const std::string& shard, const SafetensorsIndex& index) {
    const MappedFile& file = map(path);
    for (SafetensorsTensor& entry : read_safetensors_header(file.bytes(), path.string())) {
      if (index.is_elsewhere(entry.tensor.name, shard)) {
        others_.push_back(
            {entry.tensor.name, shard, file.bytes().subspan(entry.begin, entry.bytes)});
      } else {
        add_tensor(file, std::move(entry));
      }
    }
  }

  // transformers takes whichever it reads last, so two that differ are two models.
  void warn_of_other_copies(const fs::path& directory) const {
    for (const OtherCopy& other : others_) {
      const StoredTensor* read = find(other.tensor);
      if (read != nullptr && !std::ranges::equal(stored_bytes(*read), other.bytes)) {
        warn(fmt::format(
            "{}: {} holds another {} than the shard that {} names: the index decides, while "
            "transformers takes the file it reads last",
            directory.string(),
            printable(other.shard),
            printable(other.tensor),
            kIndex));
      }
    }
  }

  std::vector<OtherCopy> others_;

  void add_tensor(const MappedFile& file, SafetensorsTensor entry) {
    add(std::move(entry.tensor),
        {&file, entry.encoding, file.bytes().subspan(entry.begin, entry.bytes)});
  }
};

bool is_safetensors(const fs::path& path) {
  return path.extension() == ".safetensors";
}

// Nothing to open: says what the directory holds instead.
[[noreturn]] void fail_without_weights(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.insert(entry.path().filename().string());
  }
  for (const std::string& name : names) {
    if (is_safetensors(name)) {
      throw DataError("{}: holds {} but neither {} nor the index {}; download the missing file",
                      directory.string(),
                      printable(name),
                      kSingle,
                      kIndex);
    }
  }
  if (names.contains("pytorch_model.bin") || names.contains("pytorch_model.bin.index.json")) {
    throw DataError(
        "{}: holds pytorch_model.bin only; convert it with save_pretrained of transformers",
        directory.string());
  }
  throw DataError("{}: no weights: neither {} nor {}; give a downloaded model",
                  directory.string(),
                  kSingle,
                  kIndex);
}

}  // namespace

std::unique_ptr<WeightSource> open_safetensors(const fs::path& path) {
  auto weights = std::make_unique<SafetensorsWeights>();
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    weights->add_file(path);
  } else if (path_exists(path / kSingle)) {
    weights->add_file(path / kSingle);
  } else if (path_exists(path / kIndex)) {
    weights->add_shards(path);
  } else {
    fail_without_weights(path);
  }
  return with_mxfp4_pairs(std::move(weights));
}

}  // namespace headscope
