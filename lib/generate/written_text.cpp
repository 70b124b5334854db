#include "lib/generate/written_text.h"

#include <algorithm>

namespace headscope {
namespace {

constexpr std::size_t kContext = 6;  // tokens before, enough for any spelling to be that inside

bool ends_in_half_a_character(const std::string& text) {
  return text.ends_with("\xEF\xBF\xBD");  // U+FFFD: more bytes of it may come
}

// What is known of a text whose last character is not whole.
std::string whole_characters(std::string text) {
  while (ends_in_half_a_character(text)) {
    text.resize(text.size() - 3);
  }
  return text;
}

// Bytes at the end of `text` with which a stop string begins.
std::size_t begun(const std::string& text, const std::vector<std::string>& stops) {
  std::size_t longest = 0;
  for (const std::string& stop : stops) {
    for (std::size_t size = std::min(stop.size() - 1, text.size()); size > longest; --size) {
      if (text.ends_with(std::string_view(stop).substr(0, size))) {
        longest = size;
      }
    }
  }
  return longest;
}

}  // namespace

WrittenText::WrittenText(const Tokenizer& tokenizer,
                         const std::vector<std::int32_t>& before,
                         std::vector<std::string> stops)
    : tokenizer_(&tokenizer), stops_(std::move(stops)) {
  std::erase(stops_, "");
  const std::size_t context = std::min(kContext, before.size());
  tokens_.assign(before.end() - static_cast<std::ptrdiff_t>(context), before.end());
  known_ = tokens_.size();
  prompt_ = known_;
}

// A prompt may end inside a character, which what is written makes whole.
std::string WrittenText::text_before() const {
  const auto begin = tokens_.begin() + static_cast<std::ptrdiff_t>(from_);
  const std::string text =
      tokenizer_->decode({begin, tokens_.begin() + static_cast<std::ptrdiff_t>(known_)});
  return known_ == prompt_ ? whole_characters(text) : text;
}

void WrittenText::push(std::int32_t token) {
  if (stopped_) {
    return;
  }
  tokens_.push_back(token);
  const auto begin = tokens_.begin() + static_cast<std::ptrdiff_t>(from_);
  const std::string before = text_before();
  const std::string with = tokenizer_->decode({begin, tokens_.end()});
  if (ends_in_half_a_character(with)) {
    return;
  }
  if (with.size() > before.size()) {
    pending_ += with.substr(before.size());
    from_ = known_;
    known_ = tokens_.size();
  }
  settle();
}

void WrittenText::finish() {
  if (!stopped_ && known_ < tokens_.size()) {
    const auto begin = tokens_.begin() + static_cast<std::ptrdiff_t>(from_);
    const std::string before = text_before();
    const std::string with = tokenizer_->decode({begin, tokens_.end()});
    pending_ += with.size() > before.size() ? with.substr(before.size()) : "";
    known_ = tokens_.size();
    settle();
  }
  text_ += stopped_ ? "" : pending_;
  pending_.clear();
}

void WrittenText::settle() {
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) {
    first = std::min(first, pending_.find(stop));
  }
  if (first != std::string::npos) {
    text_ += pending_.substr(0, first);
    pending_.clear();
    stopped_ = true;
    return;
  }
  const std::size_t final_bytes = pending_.size() - begun(pending_, stops_);
  text_ += pending_.substr(0, final_bytes);
  pending_.erase(0, final_bytes);
}

}  // namespace headscope
