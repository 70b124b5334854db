#include "lib/text/compare_tokenizers.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/text/tokenizer_trace.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

constexpr std::size_t kShownBytes = 24;

struct Side {
  const Tokenizer::Impl& tokenizer;
  std::vector<TracedStretch> stretches;
};

template <typename Sequence>
std::size_t equal_until(const Sequence& a, const Sequence& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                  a.begin());
}

// A few characters of valid `text` from `at` on, or from the beginning of the character there.
std::string shown_from(std::string_view text, std::size_t at) {
  std::size_t begin = std::min(at, text.size());
  while (begin > 0 && begin < text.size() &&
         (static_cast<std::uint8_t>(text[begin]) & 0xC0u) == 0x80u) {
    --begin;
  }
  const std::string_view rest = text.substr(begin, kShownBytes);
  return std::string(rest.substr(0, valid_utf8_prefix(rest)));
}

std::string spelt_tokens(const Tokenizer::Impl& tokenizer, const std::vector<TokenId>& ids) {
  std::string text;
  for (const TokenId id : ids) {
    const auto spelling = tokenizer.spelling(id);
    text += (text.empty() ? "" : "|") + (spelling ? tokenizer.decoder.piece(*spelling) : "");
  }
  return text;
}

// How much of the stretch `text` its first `at` bytes after a step come from: the longest beginning
// of it of which the step makes no more than that.
template <typename Made>
std::size_t origin(std::string_view text, std::size_t at, const Made& made) {
  std::vector<std::size_t> ends{0};
  for (std::size_t end = 0; end < text.size();) {
    end += utf8_length(text[end]);
    ends.push_back(end);
  }
  const auto after = std::partition_point(ends.begin() + 1, ends.end(), [&](std::size_t end) {
    return made(text.substr(0, end)) <= at;
  });
  return *std::prev(after);
}

std::size_t size_of_words(const Tokenizer::Impl& tokenizer,
                          std::string_view stretch,
                          const std::string& before) {
  // What lies before the stretch decides whether it opens the text.
  const auto traced = trace_tokenizer(tokenizer, before + std::string(stretch));
  return traced.empty() || traced.back().id >= 0 ? 0 : traced.back().joined().size();
}

// The offset in `text` of byte `at` of the words of `stretch`.
std::size_t text_offset(const Side& side,
                        std::string_view text,
                        const TracedStretch& stretch,
                        std::size_t at) {
  const std::string before(text.substr(0, stretch.begin));
  const std::string_view part = text.substr(stretch.begin, stretch.end - stretch.begin);
  return stretch.begin + origin(part, at, [&](std::string_view beginning) {
           return size_of_words(side.tokenizer, beginning, before);
         });
}

TokenizerDifference in_added_tokens(std::string_view text,
                                    const TracedStretch* ours,
                                    const TracedStretch* theirs) {
  const auto shown = [&](const TracedStretch* stretch) {
    return stretch == nullptr
               ? std::string()
               : std::string(text.substr(stretch->begin, stretch->end - stretch->begin));
  };
  const TracedStretch* first = ours != nullptr ? ours : theirs;
  // The stretch of text that one of them cuts short differs where it is cut.
  std::size_t offset = first->begin;
  if (ours != nullptr && theirs != nullptr && ours->id < 0 && theirs->id < 0) {
    offset = std::min(ours->end, theirs->end);
  }
  return {.step = TokenizerStep::special_tokens,
          .offset = offset,
          .ours = shown(ours),
          .theirs = shown(theirs)};
}

TokenizerDifference in_texts(const Side& ours,
                             std::string_view text,
                             const TracedStretch& a,
                             const TracedStretch& b) {
  const std::string our_words = a.joined();
  const std::string their_words = b.joined();
  const std::size_t at = equal_until(our_words, their_words);
  const bool normalized = a.normalized != b.normalized;
  return {.step = normalized ? TokenizerStep::normalizer : TokenizerStep::pre_tokenizer,
          .offset = text_offset(ours, text, a, at),
          .ours = shown_from(our_words, at),
          .theirs = shown_from(their_words, at)};
}

TokenizerDifference in_words(const Side& ours,
                             const Side& theirs,
                             std::string_view text,
                             const TracedStretch& a,
                             const TracedStretch& b) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < a.words.size(); ++i) {
    const TracedWord& word = a.words[i];
    std::vector<TokenId> other = word.ids;
    if (!word.added) {
      other.clear();
      theirs.tokenizer.model->encode(word.text, other);
    }
    if (other != word.ids) {
      return {.step = TokenizerStep::model,
              .offset = text_offset(ours, text, a, at),
              .ours = spelt_tokens(ours.tokenizer, word.ids),
              .theirs = spelt_tokens(theirs.tokenizer, other)};
    }
    at += word.text.size();
  }
  at = 0;
  std::size_t same = 0;
  while (same < std::min(a.words.size(), b.words.size()) && a.words[same] == b.words[same]) {
    at += a.words[same++].text.size();
  }
  const auto word_of = [&](const TracedStretch& stretch) {
    return same < stretch.words.size() ? stretch.words[same] : TracedWord{};
  };
  const bool added = word_of(a).added || word_of(b).added;  // found after normalisation
  return {.step = added ? TokenizerStep::special_tokens : TokenizerStep::pre_tokenizer,
          .offset = text_offset(ours, text, a, at),
          .ours = word_of(a).text,
          .theirs = word_of(b).text};
}

std::optional<TokenizerDifference> in_stretches(const Side& ours,
                                                const Side& theirs,
                                                std::string_view text) {
  const auto& a = ours.stretches;
  const auto& b = theirs.stretches;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const TracedStretch* mine = i < a.size() ? &a[i] : nullptr;
    const TracedStretch* other = i < b.size() ? &b[i] : nullptr;
    if (mine == nullptr || other == nullptr || mine->begin != other->begin ||
        mine->end != other->end || mine->id != other->id) {
      return in_added_tokens(text, mine, other);
    }
    if (mine->ids() == other->ids()) {
      continue;
    }
    const bool same_alphabet =
        ours.tokenizer.pre_tokenizer.alphabet() == theirs.tokenizer.pre_tokenizer.alphabet();
    return same_alphabet && mine->joined() == other->joined()
               ? in_words(ours, theirs, text, *mine, *other)
               : in_texts(ours, text, *mine, *other);
  }
  return std::nullopt;
}

std::vector<TokenId> all_ids(const Side& side) {
  std::vector<TokenId> ids = side.tokenizer.post_processor.before;
  for (const TracedStretch& stretch : side.stretches) {
    const auto own = stretch.ids();
    ids.insert(ids.end(), own.begin(), own.end());
  }
  const auto& after = side.tokenizer.post_processor.after;
  ids.insert(ids.end(), after.begin(), after.end());
  return ids;
}

TokenizerDifference in_template(const Side& ours, const Side& theirs, std::string_view text) {
  const PostProcessor& a = ours.tokenizer.post_processor;
  const PostProcessor& b = theirs.tokenizer.post_processor;
  const bool before = a.before != b.before;
  return {.step = TokenizerStep::special_tokens,
          .offset = before ? 0 : text.size(),
          .ours = spelt_tokens(ours.tokenizer, before ? a.before : a.after),
          .theirs = spelt_tokens(theirs.tokenizer, before ? b.before : b.after)};
}

}  // namespace

std::string_view to_string(TokenizerStep step) {
  switch (step) {
    case TokenizerStep::special_tokens:
      return "special tokens";
    case TokenizerStep::normalizer:
      return "normalizer";
    case TokenizerStep::pre_tokenizer:
      return "pre-tokenizer";
    case TokenizerStep::model:
      return "model";
  }
  throw InternalError("no such TokenizerStep");
}

std::optional<TokenizerDifference> first_difference(const Tokenizer::Impl& ours,
                                                    const Tokenizer::Impl& theirs,
                                                    std::string_view text) {
  const Side a{ours, trace_tokenizer(ours, text)};
  const Side b{theirs, trace_tokenizer(theirs, text)};
  const std::vector<TokenId> our_ids = all_ids(a);
  const std::vector<TokenId> their_ids = all_ids(b);
  if (our_ids == their_ids) {
    return std::nullopt;
  }
  auto difference = ours.post_processor.before != theirs.post_processor.before
                        ? std::nullopt
                        : in_stretches(a, b, text);
  if (!difference) {
    difference = in_template(a, b, text);
  }
  difference->position = equal_until(our_ids, their_ids);
  const auto id_in = [&](const std::vector<TokenId>& ids) {
    return difference->position < ids.size() ? ids[difference->position] : -1;
  };
  difference->our_id = id_in(our_ids);
  difference->their_id = id_in(their_ids);
  return difference;
}

}  // namespace headscope
