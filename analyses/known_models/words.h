// The vocabulary of a known model while it is made.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "analyses/known_models/hand_made.h"
#include "lib/base/error.h"

namespace headscope {

inline constexpr const char* kBegin = "<s>";

class WordVocabulary {
 public:
  // kBegin, then groups of words, each next to each other.
  WordVocabulary() : words_{kBegin} {}

  // Adds a group and returns its place among the words' one-hot directions.
  Space add(const std::vector<std::string>& group) {
    const auto first = static_cast<std::int64_t>(words_.size());
    words_.insert(words_.end(), group.begin(), group.end());
    return {first, static_cast<std::int64_t>(group.size())};
  }

  [[nodiscard]] std::int64_t id(const std::string& word) const {
    const auto found = std::find(words_.begin(), words_.end(), word);
    if (found == words_.end()) {
      throw InternalError("a known model has no word '{}'", word);
    }
    return found - words_.begin();
  }

  [[nodiscard]] const std::vector<std::string>& all() const { return words_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(words_.size()); }

 private:
  std::vector<std::string> words_;
};

}  // namespace headscope
