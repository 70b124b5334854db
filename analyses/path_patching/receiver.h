// What a path ends at: an input of a head, the stream after a layer, or the logits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/node.h"
#include "lib/model/config.h"

namespace headscope {

// The end of an edge, or the stream between two blocks.
struct Receiver {
  // The logits, or a query head and what it reads as `input`. Where heads share keys and values, k
  // and v are that query head's view of them: the others of its group keep theirs.
  Node node = Node::logits();
  std::optional<HeadInput> input{};
  std::optional<std::int64_t> resid_post{};  // in place of a node: the stream this block leaves
  bool operator==(const Receiver&) const = default;

  static Receiver head(const HeadId& head, HeadInput input) { return {Node::of(head), input, {}}; }
  static Receiver stream_after(std::int64_t layer) { return {{}, {}, layer}; }
  [[nodiscard]] bool is_head() const { return input.has_value(); }
  [[nodiscard]] bool is_logits() const { return !input && !resid_post; }
  [[nodiscard]] std::int64_t layer() const { return resid_post.value_or(node.layer); }
};

// "logits", "5:resid_post", "23.3:q". Throws UsageError naming what is wrong, a layer or head out
// of range included.
Receiver parse_receiver(const std::string& text, const ModelConfig& config);
std::string to_string(const Receiver& receiver);

// Throws UsageError for none, doubles, or the logits beside others (everything else would be
// overwritten).
void check(const std::vector<Receiver>& receivers);

}  // namespace headscope
