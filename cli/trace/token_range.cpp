#include "cli/trace/token_range.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "hooks/trace/trace_schema.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

bool parse_place(std::string_view text, std::int64_t& place) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), place);
  return text.empty() || (error == std::errc() && stop == text.data() + text.size() && place >= 0);
}

// Axis `axis` of `values` cut to the range.
void crop_axis(TraceReader::Values& values, std::size_t axis, const TokenRange& range) {
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < values.shape.size(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : values.shape[i];
  }
  std::vector<float> kept;
  kept.reserve(static_cast<std::size_t>(outer * (range.end - range.begin) * inner));
  for (std::int64_t i = 0; i < outer; ++i) {
    const auto row = values.values.begin() + i * values.shape[axis] * inner;
    kept.insert(kept.end(), row + range.begin * inner, row + range.end * inner);
  }
  values.values = std::move(kept);
  values.shape[axis] = range.end - range.begin;
}

}  // namespace

TokenRange parse_token_range(std::string_view text) {
  TokenRange range;
  const std::size_t colon = text.find(':');
  const bool read = colon != std::string_view::npos &&
                    parse_place(text.substr(0, colon), range.begin) &&
                    parse_place(text.substr(colon + 1), range.end);
  if (!read || (range.end >= 0 && range.end <= range.begin)) {
    throw UsageError(
        "--tokens {}: a range of tokens is FROM:TO, the first one and the one behind "
        "the last, as 0:64",
        text);
  }
  return range;
}

TokenRange range_within(const TokenRange& range, std::int64_t length) {
  if (range.begin >= length) {
    throw UsageError(
        "--tokens {}:…: a prompt has {} tokens only; --prompt chooses others", range.begin, length);
  }
  return {range.begin, range.end < 0 ? length : std::min(range.end, length)};
}

TraceReader::Values cropped(const TraceReader::Values& read, const TokenRange& range) {
  TraceReader::Values part = read;
  for (std::size_t axis = 0; axis < part.axes.size(); ++axis) {
    if (is_ragged_axis(part.axes[axis])) {
      crop_axis(part, axis, range_within(range, read.shape[axis]));
    }
  }
  return part;
}

std::vector<std::string> cropped(const std::vector<std::string>& labels, const TokenRange& range) {
  const auto length = static_cast<std::int64_t>(labels.size());
  if (length == 0) {
    return labels;
  }
  const TokenRange within = range_within(range, length);
  return {labels.begin() + within.begin, labels.begin() + within.end};
}

}  // namespace headscope
