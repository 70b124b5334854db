#include "analyses/task/in_context.h"
#include "analyses/task/maker.h"
#include "lib/base/error.h"

namespace headscope {

bool MakerContext::is_single(const std::string& word) const {
  return tokenizer == nullptr || is_one_token(*tokenizer, word);
}

std::vector<std::string> MakerContext::single(const std::string& key, std::size_t at_least) const {
  std::vector<std::string> kept = words.list(key);
  const std::size_t all = kept.size();
  std::erase_if(kept, [&](const std::string& word) { return !is_single(word); });
  if (kept.size() < at_least) {
    throw DataError(
        "{}: {} of {} are one token each for this tokenizer, {} are needed; give others with "
        "--templates",
        words.where(key),
        kept.size(),
        all,
        at_least);
  }
  return kept;
}

std::vector<std::string> MakerContext::templates(const std::vector<std::string>& slots) const {
  auto patterns = words.list("templates");
  for (const std::string& pattern : patterns) {
    check_pattern(pattern, slots, words.where("templates"));
  }
  return patterns;
}

}  // namespace headscope
