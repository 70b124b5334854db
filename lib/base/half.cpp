#include "lib/base/half.h"

#include <cstring>

#include "lib/base/multiversion.h"

namespace headscope {
namespace {

// One loop a pair of dtypes. Elements go through memcpy because a mapped file aligns nothing.
template <typename From, typename To, typename Function>
HEADSCOPE_INLINE void convert_loop(const void* from, void* to, std::size_t count, Function each) {
  const auto* __restrict in = static_cast<const unsigned char*>(from);
  auto* __restrict out = static_cast<unsigned char*>(to);
  for (std::size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, in + i * sizeof(From), sizeof(From));
    const To result = each(value);
    std::memcpy(out + i * sizeof(To), &result, sizeof(To));
  }
}

using Bits = std::uint16_t;

HEADSCOPE_MULTIVERSION void f16_to_f32_loop(const void* from, void* to, std::size_t count) {
  convert_loop<Bits, float>(from, to, count, [](Bits x) { return f16_to_f32(x); });
}

HEADSCOPE_MULTIVERSION void bf16_to_f32_loop(const void* from, void* to, std::size_t count) {
  convert_loop<Bits, float>(from, to, count, [](Bits x) { return bf16_to_f32(x); });
}

HEADSCOPE_MULTIVERSION void f32_to_f16_loop(const void* from, void* to, std::size_t count) {
  convert_loop<float, Bits>(from, to, count, [](float x) { return f32_to_f16(x); });
}

HEADSCOPE_MULTIVERSION void f32_to_bf16_loop(const void* from, void* to, std::size_t count) {
  convert_loop<float, Bits>(from, to, count, [](float x) { return f32_to_bf16(x); });
}

HEADSCOPE_MULTIVERSION void f16_to_bf16_loop(const void* from, void* to, std::size_t count) {
  convert_loop<Bits, Bits>(from, to, count, [](Bits x) { return f32_to_bf16(f16_to_f32(x)); });
}

HEADSCOPE_MULTIVERSION void bf16_to_f16_loop(const void* from, void* to, std::size_t count) {
  convert_loop<Bits, Bits>(from, to, count, [](Bits x) { return f32_to_f16(bf16_to_f32(x)); });
}

}  // namespace

void convert(const void* from, DType from_dtype, void* to, DType to_dtype, std::size_t count) {
  if (count == 0) {
    return;  // both pointers may be null
  }
  if (from_dtype == to_dtype) {
    std::memmove(to, from, count * size_of(to_dtype));
  } else if (from_dtype == DType::f32) {
    (to_dtype == DType::f16 ? f32_to_f16_loop : f32_to_bf16_loop)(from, to, count);
  } else if (from_dtype == DType::f16) {
    (to_dtype == DType::f32 ? f16_to_f32_loop : f16_to_bf16_loop)(from, to, count);
  } else {
    (to_dtype == DType::f32 ? bf16_to_f32_loop : bf16_to_f16_loop)(from, to, count);
  }
}

}  // namespace headscope
