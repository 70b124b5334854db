// Python's indices and slices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headscope::jinja {

// text[start:stop:step], any of which may be left out.
struct Slice {
  std::optional<std::int64_t> start{};
  std::optional<std::int64_t> stop{};
  std::optional<std::int64_t> step{};
};

// The places that a slice names among `length`: `count` of them from `first` on, `step` apart.
struct SlicePlaces {
  std::int64_t first = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

// Throws Fault for a step of 0.
SlicePlaces slice_places(const Slice& slice, std::int64_t length);

// A slice of the characters (code points) of valid UTF-8.
std::string slice_text(std::string_view text, const Slice& slice);

// The character at `index`, counted from the end if negative; nothing outside the text.
std::optional<std::string> character_at(std::string_view text, std::int64_t index);

}  // namespace headscope::jinja
