// Marked words as ranges of tokens.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyses/task/draft.h"
#include "analyses/task/in_context.h"

namespace headscope {

// "end", and of `names` those that are marked (or "X+1", the token after the marked X). Throws
// UnfitItem for a word that does not begin and end with a token, or whose tokens do not spell it.
std::map<std::string, Span> spans_of(const MarkedText& marked,
                                     const std::vector<std::string>& names,
                                     const EncodedText& prompt);

}  // namespace headscope
