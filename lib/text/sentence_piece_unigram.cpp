#include "lib/text/sentence_piece_unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lib/text/unicode.h"

namespace headscope {
namespace {

constexpr float kUnknownPiecePenalty = 10;  // SentencePiece's kUnkPenalty

}  // namespace

SentencePieceUnigram::SentencePieceUnigram(std::shared_ptr<const SentencePieces> pieces)
    : pieces_(std::move(pieces)),
      trie_(pieces_->cuttable()),
      lowest_(std::numeric_limits<float>::max()),
      highest_(std::numeric_limits<float>::min()) {
  for (TokenId id = 0; id < pieces_->vocabulary()->end_id(); ++id) {
    if (pieces_->type(id) == PieceType::normal) {
      lowest_ = std::min(lowest_, pieces_->score(id));
      highest_ = std::max(highest_, pieces_->score(id));
    }
  }
}

// User-defined pieces get more than any normal ones could, so that they are taken.
float SentencePieceUnigram::score_of(TokenId id, std::size_t length) const {
  return pieces_->type(id) == PieceType::user_defined ? static_cast<float>(length) * highest_ - 0.1f
                                                      : pieces_->score(id);
}

void SentencePieceUnigram::Arrival::offer(float candidate, std::size_t from, TokenId piece) {
  if (!reached || candidate > score) {
    *this = {candidate, from, piece, true};
  }
}

void SentencePieceUnigram::leave(std::string_view text,
                                 std::size_t begin,
                                 std::vector<Arrival>& arrivals) const {
  const float until_here = arrivals[begin].score;
  const std::size_t character = utf8_length(text[begin]);
  bool known = false;
  trie_.prefixes(text.substr(begin), [&](std::size_t length, TokenId id) {
    if (pieces_->type(id) == PieceType::unused) {
      return;
    }
    arrivals[begin + length].offer(score_of(id, length) + until_here, begin, id);
    known = known || length == character;
  });
  if (!known) {
    const float unknown = lowest_ - kUnknownPiecePenalty;
    arrivals[begin + character].offer(unknown + until_here, begin, -1);
  }
}

void SentencePieceUnigram::encode(std::string_view text, std::vector<TokenId>& out) const {
  std::vector<Arrival> arrivals(text.size() + 1);
  for (std::size_t begin = 0; begin < text.size(); begin += utf8_length(text[begin])) {
    leave(text, begin, arrivals);
  }
  std::vector<std::pair<std::size_t, std::size_t>> cuts;  // from the last piece to the first
  for (std::size_t end = text.size(); end > 0; end = arrivals[end].begin) {
    cuts.emplace_back(arrivals[end].begin, end);
  }
  bool after_unknown = false;
  for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut) {
    const auto [begin, end] = *cut;
    pieces_->append(text.substr(begin, end - begin), arrivals[end].id, after_unknown, out);
  }
}

}  // namespace headscope
