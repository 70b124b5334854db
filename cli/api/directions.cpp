#include "cli/api/directions.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "cli/http/http_error.h"
#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/hash.h"
#include "lib/weights/safetensors_header.h"

namespace headscope {
namespace {

constexpr std::size_t kMostDirections = 1024;  // however small they are

std::size_t bytes_of(const UploadedDirection& direction) {
  return direction.numbers.size() * sizeof(float) + direction.learned_bytes;
}

UploadedDirection one_tensor(const std::string& file) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
  std::vector<SafetensorsTensor> tensors;
  try {
    tensors = read_safetensors_header(bytes, "the body");
  } catch (const DataError& error) {
    throw HttpError(400, error.what(), "malformed_safetensors");
  }
  if (tensors.size() != 1) {
    throw HttpError(400,
                    fmt::format("the body has {} tensors: a direction is one", tensors.size()));
  }
  const SafetensorsTensor& entry = tensors.front();
  if (!entry.encoding->dtype) {
    throw HttpError(
        400, "the tensor is of " + entry.tensor.encoding + ": a direction is F32, F16 or BF16");
  }
  UploadedDirection direction{
      .hash = Hasher().update(file).digest(), .shape = entry.tensor.shape, .numbers = {}};
  direction.numbers.resize(entry.bytes / size_of(*entry.encoding->dtype));
  convert(file.data() + entry.begin,
          *entry.encoding->dtype,
          direction.numbers.data(),
          DType::f32,
          direction.numbers.size());
  return direction;
}

void check_numbers(const UploadedDirection& direction) {
  if (direction.numbers.empty()) {
    throw HttpError(400, "the tensor has no numbers");
  }
  const bool finite = std::all_of(direction.numbers.begin(),
                                  direction.numbers.end(),
                                  [](float number) { return std::isfinite(number); });
  if (!finite) {
    throw HttpError(400, "the tensor has numbers that are not finite");
  }
}

}  // namespace

std::shared_ptr<const UploadedDirection> Directions::put(const std::string& safetensors) {
  UploadedDirection direction = one_tensor(safetensors);
  check_numbers(direction);
  return put(std::move(direction));
}

std::shared_ptr<const UploadedDirection> Directions::put(UploadedDirection uploaded) {
  const auto direction = std::make_shared<const UploadedDirection>(std::move(uploaded));
  if (bytes_of(*direction) > most_bytes_) {
    throw HttpError(413, fmt::format("more than the {} bytes of directions kept", most_bytes_));
  }
  const std::lock_guard lock(mutex_);
  kept_.remove_if([&](const auto& each) { return each->hash == direction->hash; });
  kept_.push_front(direction);
  if (kept_.size() > kMostDirections) {
    kept_.pop_back();
  }
  std::size_t bytes = 0;
  for (auto each = kept_.begin(); each != kept_.end();) {
    bytes += bytes_of(**each);
    each = bytes > most_bytes_ ? kept_.erase(each) : std::next(each);
  }
  return direction;
}

std::shared_ptr<const UploadedDirection> Directions::find(const std::string& hash) const {
  const std::lock_guard lock(mutex_);
  for (auto each = kept_.begin(); each != kept_.end(); ++each) {
    if ((*each)->hash == hash) {
      kept_.splice(kept_.begin(), kept_, each);
      return kept_.front();
    }
  }
  return nullptr;
}

std::size_t Directions::size() const {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

}  // namespace headscope
