#include "lib/text/sentence_piece_bpe.h"

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "lib/text/unicode.h"

namespace headscope {
namespace {

constexpr std::string_view kPieceSpace = "\xE2\x96\x81";  // ▁

// Where the first ▁ of `text` lies that follows another character, or npos.
std::size_t inner_space(std::string_view text, std::size_t from) {
  for (auto at = text.find(kPieceSpace, from); at != text.npos;
       at = text.find(kPieceSpace, at + kPieceSpace.size())) {
    if (at > 0 && !text.substr(0, at).ends_with(kPieceSpace)) {
      return at;
    }
  }
  return text.npos;
}

// A text as a list of symbols that are joined two by two.
class Joining {
 public:
  Joining(const SentencePieces& pieces, std::string_view text) : pieces_(pieces) { split(text); }

  void run() {
    for (std::size_t i = 1; i < symbols_.size(); ++i) {
      consider(static_cast<int>(i) - 1, static_cast<int>(i));
    }
    while (!agenda_.empty()) {
      const Pair pair = agenda_.top();
      agenda_.pop();
      join(pair);
    }
  }

  void append(bool& after_unknown, std::vector<TokenId>& out) const {
    for (int i = symbols_.empty() ? -1 : 0; i >= 0; i = symbols_[index(i)].next) {
      append(symbols_[index(i)].text, after_unknown, out);
    }
  }

 private:
  struct Symbol {
    int previous;
    int next;
    bool frozen;  // a user-defined piece: joins nothing
    std::string_view text;
  };
  struct Pair {
    int left;
    int right;
    float score;
    std::size_t size;  // of both together: another one now, and the pair is gone

    bool operator<(const Pair& other) const {
      return score < other.score || (score == other.score && left > other.left);
    }
  };

  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  void split(std::string_view text) {
    for (int i = 0; !text.empty(); ++i) {
      const std::size_t own = pieces_.user_defined_length(text);
      const std::size_t length = own > 0 ? own : utf8_length(text.front());
      symbols_.push_back(
          {i - 1, length == text.size() ? -1 : i + 1, own > 0, text.substr(0, length)});
      text.remove_prefix(length);
    }
  }

  void consider(int left, int right) {
    if (left < 0 || right < 0 || symbols_[index(left)].frozen || symbols_[index(right)].frozen) {
      return;
    }
    const std::string_view first = symbols_[index(left)].text;
    const std::string_view second = symbols_[index(right)].text;
    const std::string_view both(first.data(), first.size() + second.size());
    const TokenId id = pieces_.find(both);
    if (id < 0) {
      return;
    }
    agenda_.push({left, right, pieces_.score(id), both.size()});
    if (pieces_.type(id) == PieceType::unused) {
      halves_[both] = {first, second};
    }
  }

  void join(const Pair& pair) {
    Symbol& left = symbols_[index(pair.left)];
    Symbol& right = symbols_[index(pair.right)];
    if (left.text.empty() || right.text.empty() ||
        left.text.size() + right.text.size() != pair.size) {
      return;
    }
    left.text = {left.text.data(), pair.size};
    left.next = right.next;
    if (right.next >= 0) {
      symbols_[index(right.next)].previous = pair.left;
    }
    right.text = {};
    consider(left.previous, pair.left);
    consider(pair.left, left.next);
  }

  // An unused piece is taken apart again into what it was joined of.
  void append(std::string_view text, bool& after_unknown, std::vector<TokenId>& out) const {
    std::vector<std::string_view> left{text};
    while (!left.empty()) {
      const std::string_view part = left.back();
      left.pop_back();
      const TokenId id = pieces_.find_any(part);
      const auto halves =
          id >= 0 && pieces_.type(id) == PieceType::unused ? halves_.find(part) : halves_.end();
      if (halves == halves_.end()) {
        pieces_.append(part, id, after_unknown, out);
      } else {
        left.push_back(halves->second.second);
        left.push_back(halves->second.first);
      }
    }
  }

  const SentencePieces& pieces_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Pair> agenda_;
  std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>> halves_;
};

}  // namespace

SentencePieceBpe::SentencePieceBpe(std::shared_ptr<const SentencePieces> pieces)
    : pieces_(std::move(pieces)) {
  const auto cuttable = pieces_->cuttable();
  breaks_at_space_ = std::all_of(cuttable.begin(), cuttable.end(), [](const auto& piece) {
    return inner_space(piece.first, 0) == std::string_view::npos;
  });
}

void SentencePieceBpe::encode(std::string_view text, std::vector<TokenId>& out) const {
  bool after_unknown = false;
  while (!text.empty()) {
    const std::size_t end = breaks_at_space_ ? inner_space(text, 0) : text.npos;
    Joining joining(*pieces_, text.substr(0, end));
    joining.run();
    joining.append(after_unknown, out);
    text.remove_prefix(std::min(end, text.size()));
  }
}

}  // namespace headscope
