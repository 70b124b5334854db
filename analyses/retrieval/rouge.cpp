#include "analyses/retrieval/rouge.h"

#include <algorithm>
#include <map>

#include "analyses/retrieval/porter_stemmer.h"

namespace headscope {
namespace {

template <typename Item>
double recall(const std::vector<Item>& target, const std::vector<Item>& response) {
  std::map<Item, std::int64_t> wanted;
  for (const Item& item : target) {
    ++wanted[item];
  }
  std::int64_t found = 0;
  for (const Item& item : response) {
    const auto left = wanted.find(item);
    if (left != wanted.end() && left->second > 0) {
      --left->second;
      ++found;
    }
  }
  return target.empty() ? 0.0 : static_cast<double>(found) / static_cast<double>(target.size());
}

std::string stemmed(const std::string& word) {
  return word.size() > 3 ? porter_stem(word) : word;
}

}  // namespace

std::vector<std::string> rouge_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty()) {
      words.push_back(stemmed(word));
      word.clear();
    }
  }
  if (!word.empty()) {
    words.push_back(stemmed(word));
  }
  return words;
}

double rouge1_recall(std::string_view target, std::string_view response) {
  return recall(rouge_words(target), rouge_words(response));
}

double token_recall(const std::vector<std::int32_t>& target,
                    const std::vector<std::int32_t>& response) {
  return recall(target, response);
}

}  // namespace headscope
