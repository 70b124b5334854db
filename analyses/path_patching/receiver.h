// What a path ends at: an input of a head, the stream after a layer, or the logits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/node.h"
#include "lib/model/config.h"

namespace headscope {

struct Receiver {
  // head: what one query head reads as `input`. Where heads share keys and values, k and v are that
  // query head's view of them: the others of its group keep theirs.
  enum class Kind { head, resid_post, logits } kind = Kind::logits;
  std::int64_t layer = -1;  // of the head, or of the block that resid_post leaves
  std::int64_t head = -1;   // a query head
  HeadInput input = HeadInput::q;
  bool operator==(const Receiver&) const = default;
};

// "logits", "5:resid_post", "23.3:q". Throws UsageError naming what is wrong, a layer or head out
// of range included.
Receiver parse_receiver(const std::string& text, const ModelConfig& config);
std::string to_string(const Receiver& receiver);

// Throws UsageError for none, doubles, or the logits beside others (everything else would be
// overwritten).
void check(const std::vector<Receiver>& receivers);

}  // namespace headscope
