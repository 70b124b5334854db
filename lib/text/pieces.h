// Text on its way through the pre-tokenisers: a buffer and the pieces cut from it so far.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/text/pattern.h"

namespace headscope {

// Whether a stretch of text stands at the very start of the input.
enum class Place { opening, later };

struct Pieces {
  std::string_view text;       // valid UTF-8; the caller's, or `owned`
  std::vector<Match> spans;    // in order, none empty
  Place place = Place::later;  // of the first piece
  std::unique_ptr<std::string> owned;

  [[nodiscard]] std::string_view piece(const Match& span) const {
    return text.substr(span.begin, span.end - span.begin);
  }
};

}  // namespace headscope
