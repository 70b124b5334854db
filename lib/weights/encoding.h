// How the elements of a stored tensor lie in its file: sizes for checking, decoders for reading.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/base/dtype.h"
#include "lib/weights/dequantize.h"

namespace headscope {

// `block` values take `bits` bits. Exactly one of `dtype` and `dequantize` is set for an encoding
// that can be read; neither for one we only list.
struct Encoding {
  std::string_view name;
  std::int64_t block = 1;
  std::int64_t bits = 0;
  std::optional<DType> dtype = std::nullopt;
  Dequantize dequantize = nullptr;

  [[nodiscard]] bool readable() const { return dtype.has_value() || dequantize != nullptr; }

  // The bytes `values` values take; nullopt if they fill no whole number of blocks or bytes, or the
  // number overflows.
  [[nodiscard]] std::optional<std::uint64_t> bytes(std::uint64_t values) const;
};

// The encoding of a GGUF tensor type or a safetensors dtype; nullptr for one nobody has defined.
const Encoding* find_gguf_encoding(std::uint32_t type);
const Encoding* find_safetensors_encoding(std::string_view dtype);

}  // namespace headscope
