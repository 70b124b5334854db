#include "lib/base/head_id.h"

#include <charconv>
#include <optional>
#include <ostream>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

std::optional<std::int64_t> index_from(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && value >= 0 && digits.front() != '-' ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string to_string(const HeadId& head) {
  return fmt::format("{}.{}", head.layer, head.head);
}

std::ostream& operator<<(std::ostream& out, const HeadId& head) {
  return out << to_string(head);
}

HeadId parse_head_id(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos) {
    const auto layer = index_from(text.substr(0, dot));
    const auto head = index_from(text.substr(dot + 1));
    if (layer && head) {
      return {*layer, *head};
    }
  }
  throw UsageError("'{}' is no head; a head is LAYER.HEAD, counted from 0, as in 9.6", text);
}

OrderedJson head_json(const HeadId& head) {
  return {{"layer", head.layer}, {"head", head.head}};
}

bool HeadGrid::contains(const HeadId& head) const {
  return head.layer >= 0 && head.layer < n_layers && head.head >= 0 && head.head < n_heads;
}

std::size_t HeadGrid::index_of(const HeadId& head) const {
  if (!contains(head)) {
    throw InternalError("no head {} among {} layers of {}", to_string(head), n_layers, n_heads);
  }
  return static_cast<std::size_t>(head.layer * n_heads + head.head);
}

HeadId HeadGrid::head_at(std::size_t index) const {
  if (index >= size()) {
    throw InternalError("no head at place {} of {} layers of {}", index, n_layers, n_heads);
  }
  const auto place = static_cast<std::int64_t>(index);
  return {place / n_heads, place % n_heads};
}

std::vector<std::size_t> HeadGrid::indices_of(const std::vector<HeadId>& heads) const {
  std::vector<std::size_t> indices;
  for (const HeadId& head : heads) {
    indices.push_back(index_of(head));
  }
  return indices;
}

std::vector<HeadId> HeadGrid::heads() const {
  std::vector<HeadId> all;
  all.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) {
    all.push_back(head_at(i));
  }
  return all;
}

}  // namespace headscope
