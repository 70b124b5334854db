#include "lib/chat/slice.h"

#include "lib/chat/fault.h"
#include "lib/chat/python_text.h"
#include "lib/text/unicode.h"

namespace headscope::jinja {
namespace {

// A bound as CPython's PySlice_AdjustIndices clips it: into [low, high].
std::int64_t clipped(std::int64_t bound, std::int64_t length, std::int64_t low, std::int64_t high) {
  if (bound < 0) {
    bound = bound < -length ? low : bound + length;
  }
  return std::clamp(bound, low, high);
}

// The bytes of `count` characters from the `first` on.
std::string_view run_of_characters(std::string_view text, std::int64_t first, std::int64_t count) {
  std::size_t begin = 0;
  for (; first > 0; --first) {
    begin += utf8_length(text[begin]);
  }
  std::size_t end = begin;
  for (; count > 0; --count) {
    end += utf8_length(text[end]);
  }
  return text.substr(begin, end - begin);
}

}  // namespace

SlicePlaces slice_places(const Slice& slice, std::int64_t length) {
  const std::int64_t step = slice.step.value_or(1);
  if (step == 0) {
    throw Fault("a slice's step is 0");
  }
  if (step > 0) {
    const std::int64_t start = clipped(slice.start.value_or(0), length, 0, length);
    const std::int64_t stop = clipped(slice.stop.value_or(length), length, 0, length);
    return {start, step, stop > start ? (stop - start - 1) / step + 1 : 0};
  }
  const std::int64_t start =
      slice.start ? clipped(*slice.start, length, -1, length - 1) : length - 1;
  const std::int64_t stop = slice.stop ? clipped(*slice.stop, length, -1, length - 1) : -1;
  // -(step + 1) and not -step: the lowest integer has no positive counterpart.
  return {start, step, stop >= start ? 0 : step + 1 < -length ? 1 : (start - stop - 1) / -step + 1};
}

std::string slice_text(std::string_view text, const Slice& slice) {
  const SlicePlaces places = slice_places(slice, text_length(text));
  if (places.count == 0) {
    return "";
  }
  if (places.step == 1) {
    return std::string(run_of_characters(text, places.first, places.count));
  }
  const std::int64_t last = places.first + places.step * (places.count - 1);
  const std::int64_t low = std::min(places.first, last);
  const std::int64_t high = std::max(places.first, last);
  const std::int64_t stride = (places.count == 1) ? 1 : (high - low) / (places.count - 1);
  std::vector<std::string_view> picked;
  std::string_view run = run_of_characters(text, low, high - low + 1);
  for (std::int64_t i = 0; !run.empty(); ++i) {
    const std::size_t bytes = utf8_length(run.front());
    if (i % stride == 0) {
      picked.push_back(run.substr(0, bytes));
    }
    run.remove_prefix(bytes);
  }
  if (places.step < 0) {
    std::reverse(picked.begin(), picked.end());
  }
  std::string result;
  for (const std::string_view character : picked) {
    result += character;
  }
  return result;
}

std::optional<std::string> character_at(std::string_view text, std::int64_t index) {
  const std::int64_t length = text_length(text);
  if (index < -length || index >= length) {
    return std::nullopt;
  }
  return std::string(run_of_characters(text, index < 0 ? index + length : index, 1));
}

}  // namespace headscope::jinja
