// Writing on from prompts: a batch that texts join and leave while it runs, each with its own
// sampler, stop rules and change of the model.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/generate/decode_runner.h"
#include "lib/generate/prefix_cache.h"
#include "lib/generate/row_changes.h"
#include "lib/generate/sampler.h"
#include "lib/generate/written_text.h"
#include "lib/model/model.h"

namespace headscope {

// Whether the tokens that the model's own files name as the end of a turn (Tokenizer::is_end) end a
// text too.
enum class AtEndOfTurn { stop, go_on };

// What is kept of keys and values: what the model's plan of attention lets go of is let go of
// (kv_parts.h), or everything, which whoever looks at scores or patterns needs.
enum class KvKept { by_plan, whole };

struct StopRules {
  std::vector<std::int32_t> ids{};     // a text ends behind such a token
  std::vector<std::string> strings{};  // … or before one of them, however its tokens lie
  std::int64_t max_new = 50;           // … or behind this many tokens
  AtEndOfTurn at_end_of_turn = AtEndOfTurn::stop;
};

// Why a text ended; `context`: the model has no position left.
enum class Ended { no, id, string, length, context };

struct TextRequest {
  std::vector<std::int32_t> prompt{};
  std::map<std::string, Span> spans{};  // named parts of the prompt, for changes that ask for them
  SamplerOptions sampler{};
  StopRules stop{};
  // What the model is changed by, for this text alone; null: nothing.
  std::shared_ptr<const StandingChange> change{};
  std::int64_t number = 0;        // of the prompt, for changes of chosen prompts
  std::uint64_t sample = 0;       // which of the texts that share a prompt and a seed
  std::int64_t top_logprobs = 0;  // of each token written, how many alternatives are told
};

// A token that was written. Log-probabilities are natural, of the model's own distribution, before
// temperature and penalty.
struct WrittenToken {
  struct Alternative {
    std::int32_t token = 0;
    float logprob = 0.0F;
  };
  std::int32_t token = 0;
  float logprob = 0.0F;
  std::vector<Alternative> top{};  // likeliest first
};

struct GeneratedText {
  std::vector<WrittenToken> tokens{};
  Ended ended = Ended::no;
  // What is final of the text, without what ends it; empty if the model has no tokenizer.
  std::string text{};
};

// What ran: a prompt and all that was written but the last token, of which nothing was computed.
// Edits depend on a token and its place alone, so one pass over it gives what the steps had.
Prompt computed_text(Prompt prompt, const GeneratedText& text);

// Texts that run together, one token each a step. What a text gets does not depend on those beside
// it but for the rounding of products of other sizes. Takes causal models alone.
class Generation {
 public:
  struct Options {
    std::int64_t prefill_chunk = 512;         // tokens of a prompt run at a time
    std::shared_ptr<PrefixCache> prefixes{};  // of prompts run before; null: each runs whole
    DecodeRunner::Options decode{};           // how steps run
    KvKept keys = KvKept::by_plan;            // no prefixes where heads let go of theirs
  };
  // `model` outlives it. A change of the model itself (Model::with()) holds for every text.
  explicit Generation(const Model& model);
  Generation(const Model& model, Options options);

  // Runs a prompt and writes its first token. Returns the text's number, counted from 0. `tap`
  // watches the prompt's pass. Throws UsageError as Model::forward() and Sampler do, and for stop
  // strings if the model came without a tokenizer (DataError).
  std::size_t join(TextRequest request, Tap& tap);
  std::size_t join(TextRequest request);

  // Takes a text out before it ended. Nothing happens if it is out already.
  void leave(std::size_t text);
  // Forgets a text that is out of the batch: its number means nothing any more.
  void forget(std::size_t text);

  // One more token of every text that runs, watched by `tap` after the texts' own changes; those
  // that end leave. False if none was running.
  bool step(Tap& tap);
  bool step();

  // Throws UsageError if there is no such text.
  [[nodiscard]] const GeneratedText& text(std::size_t number) const;
  // The texts that run, in the order of the batch's rows.
  [[nodiscard]] const std::vector<std::size_t>& running() const { return running_; }
  // How the steps so far ran.
  [[nodiscard]] const DecodeRunner::Counts& steps() const { return decoder_.counts(); }
  // Keys and values of the texts at their fullest so far, and what they would have been whole.
  [[nodiscard]] const KvCache::Bytes& most_kept() const { return most_kept_; }

 private:
  struct State;
  [[nodiscard]] State& state(std::size_t text) const;
  Tensor prefill(State& state, KvCache& cache, Tap& tap) const;
  [[nodiscard]] std::vector<Likeliest> likeliest_of(const std::vector<State*>& states,
                                                    const DecodeRunner::Next& next) const;
  void write(const std::vector<State*>& states, const DecodeRunner::Next& next) const;
  [[nodiscard]] Ended ended(const State& state) const;
  void settle(State& state) const;
  void rows_changed();
  void drop_ended();
  void end_full_rows();
  [[nodiscard]] DecodeRunner::Next next(Tap& tap);

  const Model& model_;
  Options options_;
  std::vector<KvParts> parts_;
  KvCache cache_;
  KvCache::Bytes most_kept_;
  std::map<std::size_t, std::shared_ptr<State>> texts_;
  std::size_t joined_ = 0;
  std::vector<std::size_t> running_;  // row by row; the last token of each is its next input
  std::shared_ptr<std::vector<RowText>> row_texts_;
  NoTap nobody_;
  std::unique_ptr<RowChanges> changes_;  // with the tap of the last step
  const Tap* changes_of_ = nullptr;
  DecodeRunner decoder_;
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
