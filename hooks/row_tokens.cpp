#include "hooks/row_tokens.h"

#include <algorithm>

#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

// Marks those of [from, to) that lie in the `size` tokens from `first` on.
void mark_range(std::int64_t from, std::int64_t to, std::int64_t first, std::vector<char>& out) {
  const auto size = static_cast<std::int64_t>(out.size());
  for (std::int64_t i = std::max<std::int64_t>(from - first, 0); i < std::min(to - first, size);
       ++i) {
    out[static_cast<std::size_t>(i)] = 1;
  }
}

}  // namespace

RowTokens::RowTokens(const Visit& visit, std::int64_t row, const Tokenizer* tokenizer)
    : visit_(visit),
      row_(row),
      tokenizer_(tokenizer),
      text_(visit.layout.text(row)),
      prompt_(text_ == nullptr ? visit.layout.length(row) : text_->prompt_tokens) {}

const RowText& RowTokens::text() const {
  if (text_ == nullptr) {
    throw UsageError(
        "{}: an intervention chooses tokens by phase, step, span or text, but this pass is of rows "
        "of which nobody said what they are; choose positions",
        visit_.name());
  }
  return *text_;
}

std::int64_t RowTokens::step(std::int64_t position) const {
  return position - text().prompt_tokens;
}

std::vector<char> RowTokens::chosen(const TokenChoice& choice,
                                    std::int64_t first,
                                    std::int64_t count) const {
  const Range where{first, count};
  std::vector<char> out(static_cast<std::size_t>(count), choice.positions ? 0 : 1);
  if (choice.positions) {
    mark(*choice.positions, choice.phase, where, out);
  }
  if (choice.except) {
    std::vector<char> taken(out.size(), 0);
    mark(*choice.except, Phase::both, where, taken);
    std::transform(out.begin(), out.end(), taken.begin(), out.begin(), [](char in, char not_in) {
      return static_cast<char>(in & ~not_in);
    });
  }
  for (std::int64_t i = 0; i < count; ++i) {
    char& one = out[static_cast<std::size_t>(i)];
    if (first + i < 0) {
      one = 0;
    } else if (choice.phase != Phase::both || choice.steps) {
      const std::int64_t at = step(first + i);
      const bool phase =
          choice.phase == Phase::both || (choice.phase == Phase::decode) == (at >= 0);
      const bool steps =
          !choice.steps || at < 0 ||
          (at >= choice.steps->from && (!choice.steps->to || at < *choice.steps->to));
      one = static_cast<char>(one & static_cast<char>(phase && steps));
    }
  }
  return out;
}

void RowTokens::mark(const TokenSet& set, Phase phase, Range where, std::vector<char>& out) const {
  mark_positions(set, phase, where, out);
  mark_spans(set, where, out);
  mark_tokens(set, where, out);
  for (const std::string& needle : set.texts) {
    mark_text(needle, where, out);
  }
}

std::int64_t RowTokens::from_end(std::int64_t position) const {
  return position < 0 ? position + prompt_ : position;
}

void RowTokens::mark_positions(const TokenSet& set,
                               Phase phase,
                               Range where,
                               std::vector<char>& out) const {
  for (const std::int64_t given : set.positions) {
    const std::int64_t position = from_end(given);
    if (position < 0 || (phase == Phase::prefill && position >= prompt_)) {
      throw UsageError("{}: position {} of prompt {}, which has {}",
                       visit_.name(),
                       given,
                       visit_.layout.prompt(row_),
                       counted(prompt_, "token"));
    }
    mark_range(position, position + 1, where.first, out);
  }
  for (const IndexRange& range : set.ranges) {
    mark_range(from_end(range.from),
               range.to ? from_end(*range.to) : where.first + where.count,
               where.first,
               out);
  }
}

void RowTokens::mark_spans(const TokenSet& set, Range where, std::vector<char>& out) const {
  for (const std::string& name : set.spans) {
    const auto& spans = text().spans;
    const auto found = spans.find(name);
    if (found == spans.end()) {
      std::vector<std::string> names;
      for (const auto& [known, span] : spans) {
        names.push_back(known);
      }
      throw UsageError("{}: prompt {} has no span \"{}\"{}",
                       visit_.name(),
                       visit_.layout.prompt(row_),
                       name,
                       names.empty() ? "; its spans are named where it is given (\"spans\")"
                                     : did_you_mean(name, names));
    }
    mark_range(found->second.begin, found->second.end, where.first, out);
  }
}

void RowTokens::mark_tokens(const TokenSet& set, Range where, std::vector<char>& out) const {
  for (std::int64_t i = 0; !set.tokens.empty() && i < where.count; ++i) {
    if (where.first + i < 0) {
      continue;
    }
    const std::int32_t token = text().tokens.at(static_cast<std::size_t>(where.first + i));
    if (std::find(set.tokens.begin(), set.tokens.end(), token) != set.tokens.end()) {
      out[static_cast<std::size_t>(i)] = 1;
    }
  }
}

std::string RowTokens::piece(std::int64_t position) const {
  if (tokenizer_ == nullptr) {
    throw UsageError(
        "{}: an intervention chooses tokens by text, but there is no tokenizer to spell them; "
        "choose them by id",
        visit_.name());
  }
  return tokenizer_->piece(text().tokens.at(static_cast<std::size_t>(position)));
}

// In the prompt every token that holds a byte of an occurrence; of those written, the one that
// completes one.
void RowTokens::mark_text(const std::string& needle, Range where, std::vector<char>& out) const {
  const std::int64_t prompt = text().prompt_tokens;
  if (where.first < prompt) {
    std::string all;
    std::vector<std::size_t> ends;
    for (std::int64_t i = 0; i < prompt; ++i) {
      all += piece(i);
      ends.push_back(all.size());
    }
    for (std::size_t at = all.find(needle); at != std::string::npos;
         at = all.find(needle, at + 1)) {
      // Tokens that end behind the occurrence's first byte and begin before its end.
      const auto from = std::upper_bound(ends.begin(), ends.end(), at) - ends.begin();
      const auto last = std::lower_bound(ends.begin(), ends.end(), at + needle.size());
      mark_range(from, last - ends.begin() + 1, where.first, out);
    }
  }
  for (std::int64_t i = std::max<std::int64_t>(prompt - where.first, 0); i < where.count; ++i) {
    if (completes(needle, where.first + i)) {
      out[static_cast<std::size_t>(i)] = 1;
    }
  }
}

bool RowTokens::completes(const std::string& needle, std::int64_t position) const {
  const std::string own = piece(position);
  std::string before;
  for (std::int64_t i = position - 1; i >= 0 && before.size() + 1 < needle.size(); --i) {
    before.insert(0, piece(i));
  }
  const std::string both = before + own;
  const std::size_t at = both.rfind(needle);
  return at != std::string::npos && at + needle.size() > before.size();
}

}  // namespace headscope
