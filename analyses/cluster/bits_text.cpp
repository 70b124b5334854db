#include "analyses/cluster/bits_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kDigits = 16;  // of a number

}  // namespace

std::string bits_text(const std::vector<double>& values) {
  static constexpr const char* kHex = "0123456789abcdef";
  std::string text(values.size() * kDigits, '0');
  std::size_t at = text.size();
  for (std::size_t i = values.size(); i-- > 0;) {
    auto bits = std::bit_cast<std::uint64_t>(values[i]);
    for (std::size_t digit = 0; digit < kDigits; ++digit, bits >>= 4) {
      text[--at] = kHex[bits & 15];
    }
  }
  return text;
}

std::vector<double> values_of_bits(const std::string& text) {
  std::vector<double> values;
  values.reserve(text.size() / kDigits);
  for (const char* at = text.data(); at < text.data() + text.size(); at += kDigits) {
    std::uint64_t bits = 0;
    const char* end = at + std::min<std::size_t>(kDigits, text.data() + text.size() - at);
    const auto [stop, error] = std::from_chars(at, end, bits, 16);
    if (error != std::errc() || stop != at + kDigits) {
      throw DataError("'{}': not the bits of a number", std::string(at, end));
    }
    values.push_back(std::bit_cast<double>(bits));
  }
  return values;
}

}  // namespace headscope
