// Directions that clients uploaded, by the hash of their content.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace headscope {

struct SteeringDirection;

struct UploadedDirection {
  std::string hash;  // "xxh3:…" of the uploaded bytes
  std::vector<std::int64_t> shape;
  std::vector<float> numbers;  // row-major
  // In their place: what a steering method learned, of the points it is for, and its size.
  std::shared_ptr<const SteeringDirection> learned{};
  std::size_t learned_bytes = 0;
};

// Safe to use from several threads. What is not used is forgotten, the oldest first.
class Directions {
 public:
  explicit Directions(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // A safetensors file with one tensor of F32, F16 or BF16. Throws HttpError 400 for anything else,
  // for numbers that are not finite, and 413 for more than fits.
  std::shared_ptr<const UploadedDirection> put(const std::string& safetensors);
  // Throws HttpError 413 for more than fits.
  std::shared_ptr<const UploadedDirection> put(UploadedDirection direction);

  // Null if there is none.
  [[nodiscard]] std::shared_ptr<const UploadedDirection> find(const std::string& hash) const;

  [[nodiscard]] std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  mutable std::list<std::shared_ptr<const UploadedDirection>> kept_;  // the latest used first
  std::size_t most_bytes_;
};

}  // namespace headscope
