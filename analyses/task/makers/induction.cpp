// Induction: random tokens, the first of them once more; what followed the last before is next.
#include <set>

#include "analyses/task/in_context.h"
#include "analyses/task/makers/all.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kLength = 25;  // before anything is repeated
constexpr std::size_t kRepeated = 13;

struct Vocabulary {
  std::vector<TokenId> tokens;
  std::vector<std::string> pieces;
  std::vector<TokenId> bos;  // none or one
};

// Tokens that are a blank and letters: bytes, control tokens and line breaks would surprise a model
// for other reasons than being random.
bool is_plain(const std::string& piece) {
  if (piece.size() < 3 || piece[0] != ' ') {
    return false;
  }
  return piece.find_first_not_of("abcdefghijklmnopqrstuvwxyz", 1) == std::string::npos;
}

Vocabulary induction_letters() {
  Vocabulary out;
  for (TokenId token = 0; token < 26 * 26; ++token) {
    out.tokens.push_back(token);
    out.pieces.push_back(fmt::format(
        " {}{}", static_cast<char>('a' + token / 26), static_cast<char>('a' + token % 26)));
  }
  return out;
}

Vocabulary plain_tokens(const MakerContext& context) {
  if (context.tokenizer == nullptr) {
    return induction_letters();
  }
  const Tokenizer& tokenizer = *context.tokenizer;
  Vocabulary out;
  for (TokenId token = 0; token < tokenizer.vocab_size(); ++token) {
    const std::string piece = piece_of(token, tokenizer);
    if (is_plain(piece)) {
      out.tokens.push_back(token);
      out.pieces.push_back(piece);
    }
  }
  if (out.tokens.size() < 2 * kLength) {
    throw DataError("induction: {} tokens of this tokenizer are plain words, {} are needed",
                    out.tokens.size(),
                    2 * kLength);
  }
  const bool with_bos = context.bos == PrependBos::yes ||
                        (context.bos == PrependBos::automatic && tokenizer.prepends_bos());
  if (with_bos) {
    out.bos = tokenizer.encode("", PrependBos::yes);
    out.bos.resize(1);
  }
  return out;
}

struct Sequence {
  std::vector<TokenId> tokens;
  std::string text;

  void add(const Vocabulary& vocabulary, std::size_t which) {
    tokens.push_back(vocabulary.tokens[which]);
    text += vocabulary.pieces[which];
  }
};

Sequence written(const Vocabulary& vocabulary,
                 const std::vector<std::size_t>& first,
                 const std::vector<std::size_t>& again) {
  Sequence out{vocabulary.bos, ""};
  for (const std::size_t which : first) {
    out.add(vocabulary, which);
  }
  for (std::size_t i = 0; i < kRepeated; ++i) {
    out.add(vocabulary, again[i]);
  }
  return out;
}

Draft draw(const Vocabulary& vocabulary, const std::string& how, Random& random) {
  std::set<std::size_t> drawn;  // all different, so that only one place is the earlier one
  std::vector<std::size_t> all;
  while (all.size() < 2 * kLength) {
    const std::size_t which = random.below(vocabulary.tokens.size());
    if (drawn.insert(which).second) {
      all.push_back(which);
    }
  }
  const std::vector<std::size_t> first(all.begin(), all.begin() + kLength);
  std::vector<std::size_t> other(all.begin() + kLength, all.end());
  const std::size_t wrong = other[kRepeated];
  if (how == "follower") {
    other = first;
    other[kRepeated] = wrong;
  }
  const Sequence clean = written(vocabulary, first, first);
  const Sequence corrupted = written(vocabulary, other, first);
  const auto begin = static_cast<std::int64_t>(vocabulary.bos.size() + kRepeated - 1);
  const auto end = static_cast<std::int64_t>(clean.tokens.size());
  return {.clean = {clean.text, {}},
          .corrupted = {corrupted.text, {}},
          .answers = {vocabulary.pieces[first[kRepeated]]},
          .wrong = {vocabulary.pieces[wrong]},
          .template_name = "",
          .clean_tokens = clean.tokens,
          .corrupted_tokens = corrupted.tokens,
          .answer_tokens = {vocabulary.tokens[first[kRepeated]]},
          .wrong_tokens = {vocabulary.tokens[wrong]},
          .token_spans = {{"EARLIER", {begin, begin + 1}},
                          {"FOLLOWER", {begin + 1, begin + 2}},
                          {"end", {end - 1, end}}}};
}

DrawDraft open_induction(const MakerContext& context) {
  return [vocabulary = plain_tokens(context), how = context.corruption](
             Random& random, std::size_t) { return draw(vocabulary, how, random); };
}

}  // namespace

TaskMaker induction_maker() {
  return {
      .name = "induction",
      .summary = "Random tokens that begin again: what followed last time",
      .source = "Olsson et al. 2022, In-context learning and induction heads, arXiv 2209.11895",
      .spans = {{"EARLIER", "where the last token stood before"},
                {"FOLLOWER", "what followed it: the answer"},
                {"end", "the last token"}},
      .corruptions = {{"follower", "another token in place of FOLLOWER: it becomes the answer"},
                      {"unrelated", "other tokens before the repetition: nothing is repeated"}},
      .words = {},
      .open = open_induction,
  };
}

}  // namespace headscope
