// Writing on from prompts: a batch that texts join and leave while it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/generate/sampler.h"
#include "lib/model/model.h"

namespace headscope {

struct StopRules {
  std::vector<std::int32_t> ids{};     // a text ends behind such a token
  std::vector<std::string> strings{};  // … or behind the token that completes one of them
  std::int64_t max_new = 50;           // … or behind this many tokens
};

// Why a text ended; `context`: the model has no position left.
enum class Ended { no, id, string, length, context };

// Says whether a text that just wrote its last token ends. Strings are looked for in what the
// tokenizer makes of all tokens written, so one may lie across tokens.
class StopWatch {
 public:
  // Throws DataError for strings if the model came without a tokenizer.
  StopWatch(const Model& model, StopRules rules);

  [[nodiscard]] Ended after(const std::vector<std::int32_t>& written) const;

 private:
  const Model& model_;
  StopRules rules_;
};

// Texts that run together, one token each a step. What a text gets does not depend on those beside
// it but for the rounding of products of other sizes. Takes causal models alone.
class Generation {
 public:
  struct Options {
    SamplerOptions sampler{};
    StopRules stop{};
  };
  // `model` outlives it.
  Generation(const Model& model, const Options& options);

  // Starts a text, with its first token, and returns its number, counted from 0. Throws UsageError
  // as Model::forward().
  std::size_t join(const std::vector<std::int32_t>& prompt);

  // Takes a text out before it ended. Nothing happens if it is out already.
  void leave(std::size_t text);

  // One more token of every text that runs, watched by `tap`; those that end leave. False if none
  // was running.
  bool step(Tap& tap);
  bool step();

  struct Text {
    std::vector<std::int32_t> written{};
    Ended ended = Ended::no;
  };
  [[nodiscard]] const Text& text(std::size_t number) const { return texts_.at(number); }
  // The texts that run, in the order of the batch's rows.
  [[nodiscard]] const std::vector<std::size_t>& running() const { return running_; }

 private:
  void drop_ended();
  void end_full_rows();

  const Model& model_;
  Sampler sampler_;
  StopWatch stop_;
  KvCache cache_;
  std::vector<Text> texts_;
  std::vector<std::size_t> running_;  // row by row; the last token of each is its next input
};

// One step of rows that all go on until the last has ended, those that have ended beside them: the
// batch, and with it the rounding, stays the same throughout.
struct DecodeStep {
  std::vector<std::int32_t> written;  // [rows]
  std::vector<char> live;             // [rows]; the step that writes the stop token is live
};

// The likeliest continuation of the rows of `cache`. `last` is each row's last prompt token, the
// first input. A row ends behind a token for which `ends` is true; all end after max_new steps, or
// at the end of the model's context. `tap` watches every step.
struct DecodeOptions {
  std::int64_t max_new = 50;
  std::function<bool(std::int32_t)> ends{};
};
void greedy_decode(const Model& model,
                   KvCache& cache,
                   const std::vector<std::int32_t>& last,
                   const DecodeOptions& options,
                   Tap& tap,
                   const std::function<void(const DecodeStep&)>& each);

}  // namespace headscope
