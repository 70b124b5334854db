#include "lib/text/unigram.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "lib/text/pattern.h"
#include "lib/text/unicode.h"
#include "lib/text/unknown_word.h"

namespace headscope {
namespace {

constexpr double kUnknownPenalty = 10;  // SentencePiece's kUnkPenalty

std::vector<std::pair<std::string_view, TokenId>> unigram_entries(const Vocabulary& vocabulary) {
  std::vector<std::pair<std::string_view, TokenId>> entries;
  for (TokenId id = 0; id < vocabulary.end_id(); ++id) {
    if (const auto text = vocabulary.text(id)) {
      entries.emplace_back(*text, id);
    }
  }
  return entries;
}

}  // namespace

Unigram::Unigram(std::shared_ptr<const Vocabulary> vocabulary,
                 std::vector<double> scores,
                 const UnigramOptions& options)
    : vocabulary_(std::move(vocabulary)),
      scores_(std::move(scores)),
      options_(options),
      trie_(unigram_entries(*vocabulary_)) {
  if (!scores_.empty()) {
    unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    byte_tokens_[byte] =
        options_.byte_fallback ? vocabulary_->find(fmt::format("<0x{:02X}>", byte)) : -1;
  }
}

void Unigram::Arrival::offer(double candidate, std::size_t from, TokenId token) {
  if (!reached || candidate > score) {
    *this = {candidate, from, token, true};
  }
}

void Unigram::leave(std::string_view word,
                    std::size_t begin,
                    std::vector<Arrival>& arrivals) const {
  const double until_here = arrivals[begin].score;
  const std::size_t character = utf8_length(word[begin]);
  bool known = false;
  trie_.prefixes(word.substr(begin), [&](std::size_t length, TokenId id) {
    const double score = scores_[static_cast<std::size_t>(id)];
    arrivals[begin + length].offer(score + until_here, begin, id);
    known = known || length == character;
  });
  if (known) {
    return;
  }
  if (options_.unk < 0) {
    throw UnknownWord(
        "the character '{}' is no token, and this tokenizer has none for unknown ones",
        word.substr(begin, character));
  }
  arrivals[begin + character].offer(unknown_score_ + until_here, begin, options_.unk);
}

std::vector<Unigram::Arrival> Unigram::best_arrivals(std::string_view word) const {
  std::vector<Arrival> arrivals(word.size() + 1);
  for (std::size_t begin = 0; begin < word.size(); begin += utf8_length(word[begin])) {
    leave(word, begin, arrivals);
  }
  return arrivals;
}

// Neighbouring unknown tokens are one stretch, which is looked up once more as a whole.
void Unigram::encode(std::string_view word, std::vector<TokenId>& out) const {
  const std::vector<Arrival> arrivals = best_arrivals(word);
  std::vector<Match> stretches;  // from the last to the first
  bool after_unknown = false;
  for (std::size_t end = word.size(); end > 0; end = arrivals[end].begin) {
    const bool unknown = options_.unk >= 0 && arrivals[end].id == options_.unk;
    if (unknown && after_unknown) {
      stretches.back().begin = arrivals[end].begin;
    } else {
      stretches.push_back({arrivals[end].begin, end});
    }
    after_unknown = unknown;
  }
  for (auto stretch = stretches.rbegin(); stretch != stretches.rend(); ++stretch) {
    append(word.substr(stretch->begin, stretch->end - stretch->begin), out);
  }
}

void Unigram::append(std::string_view stretch, std::vector<TokenId>& out) const {
  const TokenId id = vocabulary_->find(stretch);
  const auto token_of = [&](char c) { return byte_tokens_[static_cast<std::uint8_t>(c)]; };
  if (id >= 0) {
    out.push_back(id);
  } else if (std::all_of(
                 stretch.begin(), stretch.end(), [&](char c) { return token_of(c) >= 0; })) {
    std::transform(stretch.begin(), stretch.end(), std::back_inserter(out), token_of);
  } else {
    out.push_back(options_.unk);
  }
}

}  // namespace headscope
