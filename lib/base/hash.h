// Fingerprints of weights, tokenizers and configs, for provenance. XXH3-128: fast enough to hash
// every byte of a model at the speed of the disk; not meant against an adversary.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace headscope {

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Hasher& update(std::span<const std::uint8_t> bytes);
  Hasher& update(std::string_view text);

  // "xxh3:" and 32 hexadecimal digits of everything given so far.
  [[nodiscard]] std::string digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace headscope
