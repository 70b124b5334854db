#include "lib/chat/syntax.h"

#include <algorithm>

namespace headscope::jinja {

void add_part(Expression& whole, ExpressionPtr part) {
  constexpr int kDeepest = 250;
  if (part != nullptr) {
    whole.depth = std::max(whole.depth, part->depth + 1);
    if (whole.depth > kDeepest) {
      throw SyntaxFault(whole.line,
                        fmt::format("an expression is more than {} operations deep", kDeepest));
    }
  }
  whole.parts.push_back(std::move(part));
}

}  // namespace headscope::jinja
