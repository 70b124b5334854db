#include "lib/text/split.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {
namespace {

void push(std::vector<Match>& out, Match span) {
  if (span.begin < span.end) {
    out.push_back(span);
  }
}

void contiguous(const std::vector<Stretch>& stretches, std::vector<Match>& out) {
  for (std::size_t i = 0; i < stretches.size();) {
    Match span = stretches[i].span;
    const bool delimiter = stretches[i].delimiter;
    for (++i; i < stretches.size() && stretches[i].delimiter == delimiter; ++i) {
      span.end = stretches[i].span.end;
    }
    push(out, span);
  }
}

// A delimiter joins the stretch before it, unless that is a delimiter too.
void merged_with_previous(const std::vector<Stretch>& stretches, std::vector<Match>& out) {
  const std::size_t first = out.size();
  bool after_delimiter = false;
  for (const Stretch& stretch : stretches) {
    if (stretch.delimiter && !after_delimiter && out.size() > first) {
      out.back().end = stretch.span.end;
    } else {
      push(out, stretch.span);
    }
    after_delimiter = stretch.delimiter;
  }
}

void merged_with_next(const std::vector<Stretch>& stretches, std::vector<Match>& out) {
  const std::size_t first = out.size();
  bool before_delimiter = false;
  for (auto stretch = stretches.rbegin(); stretch != stretches.rend(); ++stretch) {
    if (stretch->delimiter && !before_delimiter && out.size() > first) {
      out.back().begin = stretch->span.begin;
    } else {
      push(out, stretch->span);
    }
    before_delimiter = stretch->delimiter;
  }
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
}

}  // namespace

SplitBehavior parse_split_behavior(const std::string& name, const std::string& where) {
  if (name == "Removed") {
    return SplitBehavior::removed;
  }
  if (name == "Isolated") {
    return SplitBehavior::isolated;
  }
  if (name == "MergedWithPrevious") {
    return SplitBehavior::merged_with_previous;
  }
  if (name == "MergedWithNext") {
    return SplitBehavior::merged_with_next;
  }
  if (name == "Contiguous") {
    return SplitBehavior::contiguous;
  }
  throw DataError("{}: headscope does not implement the split behaviour '{}'", where, name);
}

void split_stretches(const std::vector<Stretch>& stretches,
                     SplitBehavior behavior,
                     std::vector<Match>& out) {
  switch (behavior) {
    case SplitBehavior::removed:
    case SplitBehavior::isolated:
      for (const Stretch& stretch : stretches) {
        if (!stretch.delimiter || behavior == SplitBehavior::isolated) {
          push(out, stretch.span);
        }
      }
      return;
    case SplitBehavior::merged_with_previous:
      return merged_with_previous(stretches, out);
    case SplitBehavior::merged_with_next:
      return merged_with_next(stretches, out);
    case SplitBehavior::contiguous:
      return contiguous(stretches, out);
  }
}

}  // namespace headscope
