#include "analyses/training/backcopy_chain.h"

#include <algorithm>
#include <cstddef>
#include <map>

#include "analyses/retrieval/haystack.h"

namespace headscope {
namespace {

// Tokenizers cut at white space: these stand for it.
std::string word_of_character(char c) {
  return c == ' ' ? "␣" : c == '\n' ? "⏎" : std::string(1, c);
}

// `counts` as probabilities; those of `otherwise` where nothing was counted.
std::vector<double> normalised(const std::vector<double>& counts,
                               const std::vector<double>& otherwise) {
  double total = 0.0;
  for (const double count : counts) {
    total += count;
  }
  if (total == 0.0) {
    return normalised(otherwise, std::vector<double>(counts.size(), 1.0));
  }
  std::vector<double> probabilities;
  for (const double count : counts) {
    probabilities.push_back(count / total);
  }
  return probabilities;
}

// The most frequent printable characters of the texts, the most frequent first.
std::vector<char> frequent_characters(const std::string& text, std::int64_t most) {
  std::map<char, std::int64_t> counts;
  for (const char c : text) {
    if ((c >= ' ' && c <= '~') || c == '\n') {
      ++counts[c];
    }
  }
  std::vector<char> characters;
  for (const auto& [c, count] : counts) {
    characters.push_back(c);
  }
  std::stable_sort(
      characters.begin(), characters.end(), [&](char a, char b) { return counts[a] > counts[b]; });
  characters.resize(std::min(characters.size(), static_cast<std::size_t>(most)));
  return characters;
}

}  // namespace

std::vector<double> BackcopyChain::following(const std::vector<std::int32_t>& row,
                                             std::size_t at) const {
  if (!is_trigger(row[at])) {
    return transitions[static_cast<std::size_t>(row[at])];
  }
  std::vector<double> certain(words.size(), 0.0);
  certain[static_cast<std::size_t>(row[at - 1])] = 1.0;
  return certain;
}

BackcopyChain backcopy_chain(std::int64_t characters, std::int64_t triggers) {
  const std::string text = own_haystack();
  const std::vector<char> kept = frequent_characters(text, characters);
  std::map<char, std::size_t> ids;
  BackcopyChain chain{.words = {"<s>"}, .transitions = {}, .triggers = triggers};
  for (const char c : kept) {
    ids[c] = chain.words.size();
    chain.words.push_back(word_of_character(c));
  }
  std::vector<std::vector<double>> counts(chain.words.size(),
                                          std::vector<double>(chain.words.size(), 0.0));
  std::size_t before = 0;
  for (const char c : text) {
    const auto id = ids.find(c);
    if (id == ids.end()) {
      continue;
    }
    if (before != 0) {
      counts[before][id->second] += 1.0;
    }
    if (id->second > static_cast<std::size_t>(triggers)) {
      counts[0][id->second] += 1.0;  // a row begins with no trigger
    }
    before = id->second;
  }
  for (const std::vector<double>& row : counts) {
    chain.transitions.push_back(normalised(row, counts.front()));
  }
  return chain;
}

}  // namespace headscope
