// Which prompts run together: those of like length, as many as fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace headscope {

struct BatchLayout;

// How far lengths may mix in a batch, where the shorter prompts are padded.
enum class Padding {
  none,               // one length alone
  quarter_of_prompt,  // no prompt is longer than the shortest by more than a quarter of it
  quarter_of_batch,   // padding is at most a quarter of the batch's own tokens
  any
};

struct BatchPlanOptions {
  std::int64_t most_tokens = 0;  // of a batch, padding included; a longer prompt runs alone
  Padding padding = Padding::any;
};

// The prompts `order` (places in `lengths`, in tokens) in batches, each once: shorter ones first,
// those of one length in the order given. Depends on these alone, so that what is run again rounds
// as before.
std::vector<std::vector<std::size_t>> plan_batches(const std::vector<std::int64_t>& lengths,
                                                   std::vector<std::size_t> order,
                                                   const BatchPlanOptions& options);

// Of all prompts, in their order.
std::vector<std::vector<std::size_t>> plan_batches(const std::vector<std::int64_t>& lengths,
                                                   const BatchPlanOptions& options);

// The lengths of things that have `tokens`.
template <class Prompts>
std::vector<std::int64_t> lengths_of(const Prompts& prompts) {
  std::vector<std::int64_t> lengths;
  for (const auto& prompt : prompts) {
    lengths.push_back(static_cast<std::int64_t>(prompt.tokens.size()));
  }
  return lengths;
}

// Of a batch's rows, [rows], once every chunk has run.
std::vector<std::int64_t> lengths_of(const BatchLayout& layout);

}  // namespace headscope
