#include "lib/weights/mxfp4_weights.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/parallel.h"
#include "lib/weights/printable.h"

namespace headscope {
namespace {

constexpr std::int64_t kGroup = 32;       // values that share a scale
constexpr std::int64_t kGroupBytes = 16;  // of their bits
constexpr std::int64_t kGroupsAtATime = 1 << 11;
constexpr std::string_view kBlocks = "_blocks";
constexpr std::string_view kScales = "_scales";

std::string scales_name(const std::string& blocks) {
  return blocks.substr(0, blocks.size() - kBlocks.size()) + std::string(kScales);
}

class Mxfp4Weights final : public WeightSource {
 public:
  explicit Mxfp4Weights(std::unique_ptr<MappedWeights> weights) : weights_(std::move(weights)) {
    for (const StoredTensor& tensor : weights_->tensors()) {
      if (tensor.encoding == "U8" && tensor.name.ends_with(kBlocks)) {
        add_pair(tensor);
      } else if (tensor.encoding == "U8" && tensor.name.ends_with(kScales)) {
        check_scales(tensor);
      } else {
        tensors_.push_back(tensor);
      }
    }
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      index_.emplace(tensors_[i].name, i);
    }
  }

  [[nodiscard]] const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  [[nodiscard]] std::optional<Blocks> blocks(const StoredTensor& tensor) const override {
    return tensor.encoding == "MXFP4" ? std::nullopt : weights_->blocks(tensor);
  }
  void will_read(const StoredTensor& tensor) const override {
    for_stored(tensor, [&](const StoredTensor& each) { weights_->will_read(each); });
  }
  void done_with(const StoredTensor& tensor) const override {
    for_stored(tensor, [&](const StoredTensor& each) { weights_->done_with(each); });
  }
  [[nodiscard]] std::string hash() const override { return weights_->hash(); }
  [[nodiscard]] std::vector<std::filesystem::path> files() const override {
    return weights_->files();
  }
  [[nodiscard]] const StoredTensor* find(std::string_view name) const override {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }

  void read_rows(const StoredTensor& tensor,
                 std::int64_t begin,
                 std::int64_t end,
                 DType dtype,
                 void* out) const override {
    if (tensor.encoding != "MXFP4") {
      weights_->read_rows(tensor, begin, end, dtype, out);
      return;
    }
    const std::uint8_t* blocks = bytes_of(tensor.name);
    const std::uint8_t* scales = bytes_of(scales_name(tensor.name));
    const std::int64_t first = begin * tensor.row_length() / kGroup;
    const std::int64_t groups = (end - begin) * tensor.row_length() / kGroup;
    auto* bytes = static_cast<std::uint8_t*>(out);
    const std::size_t stride = kGroup * size_of(dtype);
    parallel_for(groups, kGroupsAtATime, [&](std::int64_t from, std::int64_t to) {
      std::array<float, kGroup> values;
      for (std::int64_t i = from; i < to; ++i) {
        dequantize_mxfp4_neighbours(
            blocks + (first + i) * kGroupBytes, scales[first + i], values.data());
        convert(values.data(),
                DType::f32,
                bytes + static_cast<std::size_t>(i) * stride,
                dtype,
                static_cast<std::size_t>(kGroup));
      }
    });
  }

 private:
  // What the file holds of `tensor`: itself, or blocks and scales.
  template <typename Use>
  void for_stored(const StoredTensor& tensor, const Use& use) const {
    use(tensor);
    const StoredTensor* scales =
        tensor.encoding == "MXFP4" ? weights_->find(scales_name(tensor.name)) : nullptr;
    if (scales != nullptr) {
      use(*scales);
    }
  }

  [[nodiscard]] const std::uint8_t* bytes_of(const std::string& name) const {
    return weights_->stored_bytes(*weights_->find(name)).data();
  }

  [[noreturn]] void fail(const StoredTensor& tensor, const std::string& problem) const {
    throw DataError("{}: tensor {}: {}; download it again",
                    weights_->files().front().string(),
                    printable(tensor.name),
                    problem);
  }

  void check_scales(const StoredTensor& scales) const {
    const std::string blocks =
        scales.name.substr(0, scales.name.size() - kScales.size()) + std::string(kBlocks);
    if (weights_->find(blocks) == nullptr) {
      fail(scales, printable(blocks) + ", whose scales it holds, is missing");
    }
  }

  void add_pair(const StoredTensor& blocks) {
    const StoredTensor* scales = weights_->find(scales_name(blocks.name));
    if (scales == nullptr) {
      fail(blocks, printable(scales_name(blocks.name)) + ", which belongs to it, is missing");
    }
    StoredTensor joined = blocks;
    joined.encoding = "MXFP4";
    const bool sixteen = !joined.shape.empty() && joined.shape.back() == kGroupBytes;
    if (!joined.shape.empty()) {
      joined.shape.pop_back();
    }
    if (!sixteen || joined.shape.size() < 2 || scales->shape != joined.shape ||
        scales->encoding != "U8") {
      fail(blocks,
           fmt::format("{} bytes of blocks do not go with scales of {}",
                       fmt::join(blocks.shape, "×"),
                       fmt::join(scales->shape, "×")));
    }
    joined.shape.back() *= kGroup;
    tensors_.push_back(std::move(joined));
  }

  std::unique_ptr<MappedWeights> weights_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;  // of tensors_
};

}  // namespace

std::unique_ptr<WeightSource> with_mxfp4_pairs(std::unique_ptr<MappedWeights> weights) {
  const std::vector<StoredTensor>& tensors = weights->tensors();
  if (std::none_of(tensors.begin(), tensors.end(), [](const StoredTensor& tensor) {
        return tensor.encoding == "U8" &&
               (tensor.name.ends_with(kBlocks) || tensor.name.ends_with(kScales));
      })) {
    return weights;
  }
  return std::make_unique<Mxfp4Weights>(std::move(weights));
}

}  // namespace headscope
