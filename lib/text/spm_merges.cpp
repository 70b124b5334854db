#include "lib/text/spm_merges.h"

#include <algorithm>
#include <tuple>

#include "lib/text/unicode.h"

namespace headscope {
namespace {

struct Candidate {
  double score;
  std::size_t left_length;  // in characters
  std::size_t right_length;
  RankedMerge merge;
};

bool can_be_made(GgufTokenType type) {
  return type == GgufTokenType::normal || type == GgufTokenType::user_defined;
}

void cuts_of(const std::string& text,
             TokenId whole,
             double score,
             const Vocabulary& vocabulary,
             std::vector<Candidate>& out) {
  const std::size_t first = out.size();
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    ++characters;
  }
  std::size_t left_length = 0;
  for (std::size_t at = utf8_length(text[0]); at < text.size(); at += utf8_length(text[at])) {
    ++left_length;
    const std::string_view view(text);
    const TokenId left = vocabulary.find(view.substr(0, at));
    const TokenId right = left < 0 ? -1 : vocabulary.find(view.substr(at));
    if (right >= 0) {
      out.push_back({score, left_length, characters - left_length, {left, right, {0, whole}}});
    }
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), [](auto& a, auto& b) {
    return std::tie(a.merge.left, a.merge.right) < std::tie(b.merge.left, b.merge.right);
  });
}

}  // namespace

std::vector<RankedMerge> spm_merges(const GgufVocabulary& tokens, const Vocabulary& vocabulary) {
  std::vector<Candidate> candidates;
  for (std::size_t id = 0; id < tokens.texts.size(); ++id) {
    if (can_be_made(tokens.types[id]) && !tokens.texts[id].empty()) {
      cuts_of(
          tokens.texts[id], static_cast<TokenId>(id), tokens.scores[id], vocabulary, candidates);
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](auto& a, auto& b) {
    return std::tie(b.score, b.left_length, b.right_length) <
           std::tie(a.score, a.left_length, a.right_length);
  });
  std::vector<RankedMerge> merges;
  merges.reserve(candidates.size());
  for (Candidate& candidate : candidates) {
    candidate.merge.merge.rank = static_cast<std::uint32_t>(merges.size());
    merges.push_back(candidate.merge);
  }
  return merges;
}

}  // namespace headscope
