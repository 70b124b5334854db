// The steps that pre-tokenisers are made of.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/text/pieces.h"
#include "lib/text/split.h"

namespace headscope {

// What counts as a delimiter: matches of the pattern, or everything else.
enum class Delimiter { match, rest };

// Cuts every piece at a pattern's matches.
void split_by_pattern(Pieces& pieces,
                      const Pattern& pattern,
                      Delimiter delimiter,
                      SplitBehavior behavior);

// Cuts every piece at single characters that `is_delimiter`.
void split_by_character(Pieces& pieces,
                        const std::function<bool(char32_t)>& is_delimiter,
                        SplitBehavior behavior);

// Cuts every piece after each `length` characters.
void split_by_length(Pieces& pieces, std::size_t length);

// Rewrites every piece: `rewrite(piece, place, buffer)` appends the new one to a new buffer.
void rewrite_pieces(Pieces& pieces,
                    const std::function<void(std::string_view, Place, std::string&)>& rewrite);

}  // namespace headscope
