#include "lib/text/pre_tokenizer_steps.h"

#include "lib/text/unicode.h"

namespace headscope {
namespace {

// The common case, a pattern whose matches are the words, needs no list of stretches.
void isolate(Matcher& matcher, Match piece, std::vector<Match>& out) {
  std::size_t done = piece.begin;
  while (const auto match = matcher.next()) {
    const Match found{piece.begin + match->begin, piece.begin + match->end};
    if (done < found.begin) {
      out.push_back({done, found.begin});
    }
    if (found.begin < found.end) {
      out.push_back(found);
    }
    done = found.end;
  }
  if (done < piece.end) {
    out.push_back({done, piece.end});
  }
}

std::vector<Stretch> stretches_of(Matcher& matcher, Match piece, Delimiter delimiter) {
  const bool match_is_delimiter = delimiter == Delimiter::match;
  std::vector<Stretch> stretches;
  std::size_t done = piece.begin;
  while (const auto match = matcher.next()) {
    const Match found{piece.begin + match->begin, piece.begin + match->end};
    if (done < found.begin) {
      stretches.push_back({{done, found.begin}, !match_is_delimiter});
    }
    stretches.push_back({found, match_is_delimiter});
    done = found.end;
  }
  if (done < piece.end) {
    stretches.push_back({{done, piece.end}, !match_is_delimiter});
  }
  return stretches;
}

}  // namespace

void split_by_pattern(Pieces& pieces,
                      const Pattern& pattern,
                      Delimiter delimiter,
                      SplitBehavior behavior) {
  std::vector<Match> out;
  out.reserve(pieces.spans.size() + pieces.text.size() / 4);
  Matcher matcher(pattern);
  for (const Match& span : pieces.spans) {
    matcher.start(pieces.piece(span));
    if (behavior == SplitBehavior::isolated) {
      isolate(matcher, span, out);
    } else {
      split_stretches(stretches_of(matcher, span, delimiter), behavior, out);
    }
  }
  pieces.spans = std::move(out);
}

void split_by_character(Pieces& pieces,
                        const std::function<bool(char32_t)>& is_delimiter,
                        SplitBehavior behavior) {
  std::vector<Match> out;
  std::vector<Stretch> stretches;
  for (const Match& span : pieces.spans) {
    stretches.clear();
    for (std::size_t at = span.begin; at < span.end;) {
      const CodePoint point = code_point_at(pieces.text, at);
      const bool delimiter = is_delimiter(point.value);
      if (!delimiter && !stretches.empty() && !stretches.back().delimiter) {
        stretches.back().span.end = at + point.length;
      } else {
        stretches.push_back({{at, at + point.length}, delimiter});
      }
      at += point.length;
    }
    split_stretches(stretches, behavior, out);
  }
  pieces.spans = std::move(out);
}

void split_by_length(Pieces& pieces, std::size_t length) {
  std::vector<Match> out;
  for (const Match& span : pieces.spans) {
    std::size_t begin = span.begin;
    std::size_t characters = 0;
    for (std::size_t at = span.begin; at < span.end;) {
      at += utf8_length(pieces.text[at]);
      if (++characters == length || at == span.end) {
        out.push_back({begin, at});
        begin = at;
        characters = 0;
      }
    }
  }
  pieces.spans = std::move(out);
}

void rewrite_pieces(Pieces& pieces,
                    const std::function<void(std::string_view, Place, std::string&)>& rewrite) {
  auto text = std::make_unique<std::string>();
  text->reserve(pieces.text.size() + pieces.spans.size());
  Place place = pieces.place;
  for (Match& span : pieces.spans) {
    const std::size_t begin = text->size();
    rewrite(pieces.piece(span), place, *text);
    span = {begin, text->size()};
    place = Place::later;
  }
  pieces.owned = std::move(text);
  pieces.text = *pieces.owned;
}

}  // namespace headscope
