// Tokens of a row, chosen by where they stand, by what they say, and by whether they were given or
// written: the "apply" and "keys" of an intervention. What is chosen follows from a token's place
// in its row alone, so that a pass in chunks, one that goes on from a cache and one that computes
// everything anew choose the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace headscope {

// [from, to), counted from 0; `to` unset: without end.
struct IndexRange {
  std::int64_t from = 0;
  std::optional<std::int64_t> to{};
  bool operator==(const IndexRange&) const = default;
};

// The tokens that any of these names. Negative positions count from the end of the prompt.
struct TokenSet {
  // One that the row does not have (yet) is none of its tokens.
  std::vector<std::int64_t> positions{};
  std::vector<IndexRange> ranges{};  // a negative end is counted from the end of the prompt, too
  std::vector<std::string> spans{};  // named parts of the prompt; a row without one is an error
  // Where the text occurs: in the prompt, all tokens that hold a byte of it; of those written, the
  // one that completes it, since no earlier one knew.
  std::vector<std::string> texts{};
  std::vector<std::int32_t> tokens{};      // by id …
  std::vector<std::string> token_texts{};  // … or, where the text is one token, by that

  bool operator==(const TokenSet&) const = default;
  // Whether no token that the model wrote can be among them, however many it writes.
  [[nodiscard]] bool of_prompt_alone() const;
  [[nodiscard]] bool counts_positions() const {
    return !positions.empty() || !ranges.empty() || !spans.empty();
  }
  [[nodiscard]] bool by_what_it_says() const {
    return !spans.empty() || !texts.empty() || !tokens.empty() || !token_texts.empty();
  }
};

// Prefill: tokens of the prompt. Decode: tokens that the model wrote; step k of decoding processes
// the one written k-th, counted from 0.
enum class Phase { both, prefill, decode };

struct TokenChoice {
  Phase phase = Phase::both;
  std::optional<TokenSet> positions{};  // unset: all
  std::optional<TokenSet> except{};     // always subtracted
  std::optional<IndexRange> steps{};    // of written tokens; those of the prompt have none

  bool operator==(const TokenChoice&) const = default;
  [[nodiscard]] bool everything() const {
    return phase == Phase::both && !positions && !except && !steps;
  }
  // Whether it chooses all tokens that the model wrote, or none, however many it writes.
  [[nodiscard]] bool alike_for_written() const;
  // Whether it chooses by numbers or spans of a prompt that its author knows.
  [[nodiscard]] bool counts_positions() const {
    return (positions && positions->counts_positions()) || (except && except->counts_positions());
  }
  // Whether it takes more than a token's number in its row to choose it: the row's text, then.
  [[nodiscard]] bool asks_text() const {
    return phase != Phase::both || steps || (positions && positions->by_what_it_says()) ||
           (except && except->by_what_it_says());
  }
};

// True if `whole` chooses all that `part` does, as both are written; false where it takes more than
// that to know.
bool is_within(const TokenChoice& part, const TokenChoice& whole);

}  // namespace headscope
