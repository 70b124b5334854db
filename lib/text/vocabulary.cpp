#include "lib/text/vocabulary.h"

namespace headscope {

Vocabulary::Vocabulary(std::size_t expected) : index_(expected) {
  by_id_.reserve(expected);
}

void Vocabulary::insert(std::string text, TokenId id) {
  const std::string& kept = texts_.emplace_back(std::move(text));
  const auto at = static_cast<std::size_t>(id);
  if (at >= by_id_.size()) {
    by_id_.resize(at + 1, nullptr);
  }
  by_id_[at] = &kept;
  index_.insert(kept, id);
}

std::optional<std::string_view> Vocabulary::text(TokenId id) const {
  if (id < 0 || id >= end_id() || by_id_[static_cast<std::size_t>(id)] == nullptr) {
    return std::nullopt;
  }
  return *by_id_[static_cast<std::size_t>(id)];
}

}  // namespace headscope
