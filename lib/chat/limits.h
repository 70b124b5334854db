// What a template may cost: templates come with the files of strangers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace headscope {

struct ChatLimits {
  std::size_t source_bytes = std::size_t{1} << 20;  // of one template
  std::size_t text_bytes = std::size_t{64} << 20;   // of the result, and of any text on the way
  // Expressions and statements evaluated, plus one for every element and every 32 bytes made.
  std::int64_t steps = 20'000'000;
  int nesting = 100;  // of blocks and brackets in the source
  int depth = 800;    // of evaluations in one another, through macros too
};

}  // namespace headscope
