#include "lib/weights/mapped_weights.h"

#include <algorithm>
#include <array>

#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/hash.h"
#include "lib/base/parallel.h"
#include "lib/weights/printable.h"

namespace headscope {
namespace {

constexpr std::int64_t kGrain = 1 << 16;  // values a thread takes at a time
constexpr std::size_t kHashedAtOnce = std::size_t{16} << 20;
constexpr std::int64_t kChunk = 1 << 11;  // values between f32 and a narrower dtype: 8 KiB of stack

// Decodes `count` values, whole blocks, at `from`.
void decode(const Encoding& encoding,
            const std::uint8_t* from,
            std::int64_t count,
            DType dtype,
            std::uint8_t* out) {
  if (encoding.dtype) {
    convert(from, *encoding.dtype, out, dtype, static_cast<std::size_t>(count));
    return;
  }
  if (dtype == DType::f32) {
    encoding.dequantize(from, count / encoding.block, reinterpret_cast<float*>(out));
    return;
  }
  std::array<float, kChunk> chunk;
  for (std::int64_t done = 0; done < count; done += kChunk) {
    const std::int64_t values = std::min(kChunk, count - done);
    encoding.dequantize(
        from + done / encoding.block * (encoding.bits / 8), values / encoding.block, chunk.data());
    convert(chunk.data(),
            DType::f32,
            out + done * static_cast<std::int64_t>(size_of(dtype)),
            dtype,
            static_cast<std::size_t>(values));
  }
}

}  // namespace

const StoredTensor* MappedWeights::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const MappedWeights::Place& MappedWeights::place_of(const StoredTensor& tensor) const {
  const auto found = index_.find(tensor.name);
  if (found == index_.end()) {
    throw InternalError("tensor {} is not of this source", printable(tensor.name));
  }
  return places_[found->second];
}

void MappedWeights::will_read(const StoredTensor& tensor) const {
  const Place& place = place_of(tensor);
  place.file->will_read(place.bytes);
}

void MappedWeights::done_with(const StoredTensor& tensor) const {
  const Place& place = place_of(tensor);
  place.file->done_with(place.bytes);
}

void MappedWeights::read_rows(const StoredTensor& tensor,
                              std::int64_t begin,
                              std::int64_t end,
                              DType dtype,
                              void* out) const {
  const Place& place = place_of(tensor);
  const StoredTensor& stored = tensors_[static_cast<std::size_t>(&place - places_.data())];
  const Encoding& encoding = *place.encoding;
  if (begin < 0 || begin > end || end > stored.rows()) {
    throw InternalError(
        "tensor {}: rows {} to {} of {}", printable(stored.name), begin, end, stored.rows());
  }
  if (!encoding.readable()) {
    throw DataError("{}: tensor {}: headscope cannot read {}; use a file in F16, BF16 or Q8_0",
                    place.file->path().string(),
                    printable(stored.name),
                    encoding.name);
  }
  const std::int64_t first = begin * stored.row_length() / encoding.block;
  const std::int64_t blocks = (end - begin) * stored.row_length() / encoding.block;
  parallel_for(blocks, kGrain / encoding.block, [&](std::int64_t from, std::int64_t to) {
    decode(encoding,
           place.bytes.data() + (first + from) * (encoding.bits / 8),
           (to - from) * encoding.block,
           dtype,
           static_cast<std::uint8_t*>(out) +
               from * encoding.block * static_cast<std::int64_t>(size_of(dtype)));
  });
}

std::optional<WeightSource::Blocks> MappedWeights::blocks(const StoredTensor& tensor) const {
  const Place& place = place_of(tensor);
  return place.encoding->readable() ? std::optional(Blocks{place.encoding, place.bytes})
                                    : std::nullopt;
}

std::span<const std::uint8_t> MappedWeights::stored_bytes(const StoredTensor& tensor) const {
  return place_of(tensor).bytes;
}

std::string MappedWeights::hash() const {
  std::call_once(hashed_, [this] {
    Hasher hasher;
    for (const auto& file : files_) {
      for (std::size_t at = 0; at < file->bytes().size(); at += kHashedAtOnce) {
        const std::size_t left = file->bytes().size() - at;
        const auto piece = file->bytes().subspan(at, std::min(kHashedAtOnce, left));
        hasher.update(piece);
        file->done_with(piece);
      }
    }
    hash_ = hasher.digest();
  });
  return hash_;
}

std::vector<std::filesystem::path> MappedWeights::files() const {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : files_) {
    paths.push_back(file->path());
  }
  return paths;
}

const MappedFile& MappedWeights::map(const std::filesystem::path& path) {
  return *files_.emplace_back(std::make_unique<MappedFile>(path));
}

void MappedWeights::add(StoredTensor tensor, Place place) {
  const auto [entry, added] = index_.emplace(tensor.name, tensors_.size());
  if (!added) {
    throw DataError("{}: tensor {} is stored twice (also in {}); download the model again",
                    place.file->path().string(),
                    printable(tensor.name),
                    places_[entry->second].file->path().filename().string());
  }
  tensors_.push_back(std::move(tensor));
  places_.push_back(place);
}

}  // namespace headscope
