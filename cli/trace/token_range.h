// Some of a prompt's tokens, and what a trace holds of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/trace/trace_reader.h"

namespace headscope {

// [begin, end): "0:64". end −1: the prompt's own.
struct TokenRange {
  std::int64_t begin = 0;
  std::int64_t end = -1;
  bool operator==(const TokenRange&) const = default;
};

// "0:64", ":64" or "64:"; UsageError naming --tokens for another text or a range without tokens.
TokenRange parse_token_range(std::string_view text);

// The range within a prompt of `length` tokens; UsageError if it has none there.
TokenRange range_within(const TokenRange& range, std::int64_t length);

// The part of `read` at these tokens of every axis that runs over a prompt's tokens.
TraceReader::Values cropped(const TraceReader::Values& read, const TokenRange& range);

std::vector<std::string> cropped(const std::vector<std::string>& labels, const TokenRange& range);

}  // namespace headscope
