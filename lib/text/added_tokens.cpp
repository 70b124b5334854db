#include "lib/text/added_tokens.h"

#include <algorithm>

#include "lib/text/unicode.h"

namespace headscope {
namespace {

std::uint64_t edge(std::uint32_t node, char byte) {
  return (static_cast<std::uint64_t>(node) << 8) | static_cast<std::uint8_t>(byte);
}

// Where the white space that ends text[0, end) begins.
std::size_t space_before(std::string_view text, std::size_t end) {
  while (end > 0) {
    const std::size_t last = last_character(text.substr(0, end));
    if (!is_white_space(code_point_at(text, last).value)) {
      break;
    }
    end = last;
  }
  return end;
}

std::size_t space_after(std::string_view text, std::size_t begin) {
  while (begin < text.size()) {
    const CodePoint point = code_point_at(text, begin);
    if (!is_white_space(point.value)) {
      break;
    }
    begin += point.length;
  }
  return begin;
}

bool touches_word(std::string_view text, std::size_t begin, std::size_t end) {
  const bool before =
      begin > 0 && is_word(code_point_at(text, last_character(text.substr(0, begin))).value);
  return before || (end < text.size() && is_word(code_point_at(text, end).value));
}

}  // namespace

void AddedTokenMatcher::add(std::string_view key, const AddedToken& token) {
  if (key.empty()) {
    return;
  }
  std::uint32_t node = 0;
  for (const char byte : key) {
    const auto fresh = static_cast<std::uint32_t>(token_at_.size());
    const auto [found, inserted] = child_.try_emplace(edge(node, byte), fresh);
    if (inserted) {
      token_at_.push_back(-1);
    }
    node = found->second;
  }
  opens_[static_cast<std::uint8_t>(key.front())] = true;
  if (token_at_[node] < 0) {
    token_at_[node] = static_cast<int>(tokens_.size());
    tokens_.push_back(token);
  }
}

std::optional<AddedTokenMatcher::Hit> AddedTokenMatcher::longest_at(std::string_view text,
                                                                    std::size_t begin) const {
  std::optional<Hit> best;
  std::uint32_t node = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    const auto next = child_.find(edge(node, text[at]));
    if (next == child_.end()) {
      break;
    }
    node = next->second;
    if (token_at_[node] >= 0) {
      best = Hit{at + 1, &tokens_[static_cast<std::size_t>(token_at_[node])]};
    }
  }
  return best;
}

std::vector<Segment> AddedTokenMatcher::split(std::string_view text) const {
  std::vector<Segment> segments;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size() && !empty();) {
    const auto hit =
        opens_[static_cast<std::uint8_t>(text[at])] ? longest_at(text, at) : std::nullopt;
    if (!hit) {
      ++at;
      continue;
    }
    const AddedToken& token = *hit->token;
    std::size_t begin = at;
    std::size_t end = at = hit->end;
    if (token.single_word && touches_word(text, begin, end)) {
      continue;
    }
    begin = token.lstrip ? std::max(space_before(text, begin), done) : begin;
    end = token.rstrip ? space_after(text, end) : end;
    if (done < begin) {
      segments.push_back({done, begin, -1});
    }
    segments.push_back({begin, end, token.id});
    done = end;
  }
  if (done != text.size()) {
    segments.push_back({done, text.size(), -1});
  }
  return segments;
}

}  // namespace headscope
