#include "lib/generate/generate.h"

#include <algorithm>
#include <functional>

#include "lib/base/error.h"
#include "lib/generate/predictions.h"
#include "lib/model/not_finite.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Batch columns_of(const std::vector<std::int32_t>& input) {
  std::vector<std::vector<std::int32_t>> columns;
  for (const std::int32_t token : input) {
    columns.push_back({token});
  }
  return Batch(columns);
}

// The logits behind one more token of every row.
Tensor one_more(const Model& model,
                KvCache& cache,
                const std::vector<std::int32_t>& input,
                Tap& tap) {
  return model.forward(columns_of(input), tap, {.logits = Logits::last, .cache = &cache}).logits;
}

std::vector<WrittenToken::Alternative> alternatives(std::span<const float> logits,
                                                    double lse,
                                                    std::int64_t count) {
  std::vector<WrittenToken::Alternative> top;
  for (const std::int32_t id : likeliest_ids(logits, count)) {
    const double logit = logits[static_cast<std::size_t>(id)];
    top.push_back({.token = id, .logprob = static_cast<float>(logit - lse)});
  }
  return top;
}

// What tells the changes of one text from those of another: of the model, of the text, and, since
// they may be of named parts of the prompt, these. Empty: there are none.
std::string changes_key(const Model& model, const TextRequest& request) {
  std::string key;
  for (const auto& change : {model.standing(), request.change}) {
    key += change ? change->hash() + ";" : std::string();
  }
  if (!key.empty()) {
    key += fmt::format("#{};", request.number);  // edits may be of chosen prompts
    for (const auto& [name, span] : request.spans) {
      key += fmt::format("{}:{}-{};", name, span.begin, span.end);
    }
  }
  return key;
}

std::vector<std::int64_t> fired_of(const std::shared_ptr<const StandingChange>& change) {
  std::vector<std::int64_t> values;
  for (const StandingChange::Fired& part :
       change ? change->fired() : std::vector<StandingChange::Fired>()) {
    values.push_back(part.values);
  }
  return values;
}

std::vector<std::int64_t> difference(std::vector<std::int64_t> a,
                                     const std::vector<std::int64_t>& b) {
  std::transform(a.begin(), a.end(), b.begin(), a.begin(), std::minus<>());
  return a;
}

}  // namespace

Prompt computed_text(Prompt prompt, const GeneratedText& text) {
  for (std::size_t i = 0; i + 1 < text.tokens.size(); ++i) {
    prompt.tokens.push_back(text.tokens[i].token);
    ++prompt.written;
  }
  prompt.pieces.clear();  // of the prompt alone
  return prompt;
}

// A text while it runs.
struct Generation::State {
  TextRequest request;
  Sampler sampler;
  GeneratedText text{};
  std::vector<std::int32_t> tokens{};  // prompt and what was written
  std::optional<WrittenText> writer{};

  [[nodiscard]] RowText row_text() const {
    return {.tokens = tokens,
            .prompt_tokens = static_cast<std::int64_t>(request.prompt.size()),
            .spans = request.spans};
  }
};

Generation::Generation(const Model& model) : Generation(model, Options{}) {}

Generation::Generation(const Model& model, Options options)
    : model_(model),
      options_(std::move(options)),
      cache_(model.config()),
      decoder_(model, options_.decode) {}

Generation::State& Generation::state(std::size_t text) const {
  const auto found = texts_.find(text);
  if (found == texts_.end()) {
    throw UsageError("no text {} in this generation", text);
  }
  return *found->second;
}

const GeneratedText& Generation::text(std::size_t number) const {
  return state(number).text;
}

namespace {

bool asks_whole_prompts(const Model& model, const std::shared_ptr<const StandingChange>& change) {
  return (change != nullptr && change->of_whole_prompts()) ||
         (model.standing() != nullptr && model.standing()->of_whole_prompts());
}

}  // namespace

// The logits behind a prompt, whose keys and values come into `cache`.
Tensor Generation::prefill(State& state, KvCache& cache, Tap& tap) const {
  const std::vector<std::int32_t>& prompt = state.request.prompt;
  const auto& change = state.request.change;
  const std::string key = changes_key(model_, state.request);
  const std::vector<std::int64_t> before = fired_of(change);
  std::optional<std::vector<std::int64_t>> fired;  // in the prefix's own pass
  const bool whole = asks_whole_prompts(model_, change);
  if (options_.prefixes != nullptr && !prompt.empty() && !whole) {
    if (auto found = options_.prefixes->find(prompt, key)) {
      cache = std::move(found->cache);
      fired = std::move(found->fired);
    }
  }
  Batch batch({std::vector<std::int32_t>(prompt.begin() + cache.columns(), prompt.end())});
  batch.describe(std::make_shared<const std::vector<RowText>>(1, state.row_text()));
  batch.number_prompts({state.request.number});
  RowChanges changed({change}, tap);
  const Tensor logits = model_
                            .forward(batch,
                                     changed,
                                     {.logits = Logits::last,
                                      .cache = &cache,
                                      .chunk = whole ? 0 : options_.prefill_chunk})
                            .logits;
  if (options_.prefixes != nullptr && !whole) {
    const std::vector<std::int64_t> own = difference(fired_of(change), before);
    if (fired && change) {  // the prompt counts as if it had run whole
      change->add_fired(difference(*fired, own));
    }
    options_.prefixes->keep(prompt, key, cache, fired.value_or(own));
  }
  return logits;
}

std::size_t Generation::join(TextRequest request) {
  return join(std::move(request), nobody_);
}

std::size_t Generation::join(TextRequest request, Tap& tap) {
  auto state =
      std::make_shared<State>(State{.request = request, .sampler = Sampler(request.sampler)});
  if (!request.stop.strings.empty() || model_.has_tokenizer()) {
    state->writer.emplace(model_.tokenizer(), request.prompt, request.stop.strings);
  }
  state->tokens = request.prompt;
  KvCache own(model_.config());
  const Tensor logits = prefill(*state, own, tap);
  write({state.get()}, {logits, likeliest_on_device(logits)});
  const bool runs = state->text.ended == Ended::no;
  if (runs) {
    cache_.append_rows(own);  // may lack the memory: then nobody has joined
  }
  const std::size_t text = joined_++;
  texts_[text] = state;
  if (runs) {
    running_.push_back(text);
    rows_changed();
  }
  return text;
}

// Why a text ends behind the token it just got.
Ended Generation::ended(const State& state) const {
  const StopRules& stop = state.request.stop;
  const std::int32_t token = state.tokens.back();
  const bool named = std::find(stop.ids.begin(), stop.ids.end(), token) != stop.ids.end();
  if (named || (stop.at_end_of_turn == AtEndOfTurn::stop && model_.has_tokenizer() &&
                model_.tokenizer().is_end(token))) {
    return Ended::id;
  }
  if (state.writer && state.writer->stopped()) {
    return Ended::string;
  }
  const auto written = static_cast<std::int64_t>(state.text.tokens.size());
  return written >= stop.max_new ? Ended::length : Ended::no;
}

// The likeliest tokens of texts; where there is none, the error says which text and what of it.
std::vector<Likeliest> Generation::likeliest_of(const std::vector<State*>& states,
                                                const DecodeRunner::Next& next) const {
  try {
    return on_host(next.likeliest);
  } catch (const LogitsNotFinite& error) {
    const StandingChange* change = nullptr;
    for (const State* state : states) {
      change = change == nullptr ? state->request.change.get() : change;
    }
    throw DataError("{}; {}", error.what(), not_finite_advice(model_, change));
  }
}

// Adds to each state the token that its row gives. Rows that take the likeliest one need no more
// of the device than that.
void Generation::write(const std::vector<State*>& states, const DecodeRunner::Next& next) const {
  const std::vector<Likeliest> first = likeliest_of(states, next);
  for (std::size_t row = 0; row < states.size(); ++row) {
    State& state = *states[row];
    const Draw draw{state.request.sample, state.text.tokens.size()};
    WrittenToken token{.token = first[row].token, .logprob = first[row].logit - first[row].lse};
    if (!state.sampler.greedy() || state.request.top_logprobs > 0) {
      const std::vector<float> own = to_floats(next.logits[static_cast<std::int64_t>(row)]);
      token.token = state.sampler.pick(own, state.tokens, draw);
      token.top = alternatives(own, first[row].lse, state.request.top_logprobs);
      token.logprob = own[static_cast<std::size_t>(token.token)] - first[row].lse;
    }
    state.tokens.push_back(token.token);
    state.text.tokens.push_back(std::move(token));
    settle(state);
  }
}

void Generation::settle(State& state) const {
  if (state.writer) {
    const Ended by_id = ended(state);
    if (by_id != Ended::id) {  // what ends a turn is not part of its text
      state.writer->push(state.tokens.back());
    }
  }
  state.text.ended = ended(state);
  if (state.writer) {
    if (state.text.ended != Ended::no) {
      state.writer->finish();
    }
    state.text.text = state.writer->text();
  }
}

void Generation::rows_changed() {
  decoder_.rows_changed();
  row_texts_ = std::make_shared<std::vector<RowText>>();
  for (const std::size_t text : running_) {
    row_texts_->push_back(state(text).row_text());
    row_texts_->back().tokens.pop_back();  // the last one has not run yet
  }
}

void Generation::leave(std::size_t text) {
  const auto found = std::find(running_.begin(), running_.end(), text);
  if (found != running_.end()) {
    cache_.drop_rows({found - running_.begin()});
    running_.erase(found);
    rows_changed();
  }
}

void Generation::forget(std::size_t text) {
  leave(text);
  texts_.erase(text);
}

// Rows whose text has ended leave.
void Generation::drop_ended() {
  std::vector<std::int64_t> rows;
  std::vector<std::size_t> still;
  for (std::size_t row = 0; row < running_.size(); ++row) {
    if (state(running_[row]).text.ended == Ended::no) {
      still.push_back(running_[row]);
    } else {
      rows.push_back(static_cast<std::int64_t>(row));
    }
  }
  if (!rows.empty()) {
    cache_.drop_rows(rows);
    running_ = still;
    rows_changed();
  }
}

// Texts that have no position left for their next token end.
void Generation::end_full_rows() {
  for (std::size_t row = 0; row < running_.size(); ++row) {
    if (cache_.columns() - cache_.pads()[row] >= model_.config().n_ctx) {
      State& full = state(running_[row]);
      full.text.ended = Ended::context;
      if (full.writer) {
        full.writer->finish();
        full.text.text = full.writer->text();
      }
    }
  }
  drop_ended();
}

DecodeRunner::Next Generation::next(Tap& tap) {
  std::vector<std::int32_t> input;
  std::vector<std::int64_t> numbers;
  RowChanges::Changes changes;
  for (std::size_t row = 0; row < running_.size(); ++row) {
    const State& own = state(running_[row]);
    input.push_back(own.tokens.back());
    numbers.push_back(own.request.number);
    changes.push_back(own.request.change);
    (*row_texts_)[row].tokens.push_back(input.back());
  }
  Batch batch = columns_of(input);
  batch.describe(row_texts_);
  batch.number_prompts(std::move(numbers));
  // Another tap may lie where an earlier one lay.
  if (changes_ == nullptr || &tap != changes_of_ || &tap != &nobody_) {
    changes_ = std::make_unique<RowChanges>(changes, tap);
    changes_of_ = &tap;
    decoder_.rows_changed();
  } else {
    changes_->set_rows(changes);
  }
  return decoder_.next(batch, cache_, *changes_);
}

bool Generation::step(Tap& tap) {
  end_full_rows();
  if (running_.empty()) {
    return false;
  }
  const DecodeRunner::Next after = next(tap);
  std::vector<State*> states;
  for (const std::size_t text : running_) {
    states.push_back(&state(text));
  }
  write(states, after);
  drop_ended();
  return true;
}

bool Generation::step() {
  return step(nobody_);
}

void greedy_decode(const Model& model,
                   KvCache& cache,
                   const std::vector<std::int32_t>& last,
                   const DecodeOptions& options,
                   Tap& tap,
                   const std::function<void(const DecodeStep&)>& each) {
  DecodeStep now{.written = last, .live = std::vector<char>(last.size(), 1)};
  const auto is_live = [](char live) { return live != 0; };
  for (std::int64_t i = 0; i < options.max_new && cache.columns() < model.config().n_ctx &&
                           std::any_of(now.live.begin(), now.live.end(), is_live);
       ++i) {
    now.written = likeliest(one_more(model, cache, now.written, tap));
    each(now);
    for (std::size_t row = 0; row < now.live.size(); ++row) {
      now.live[row] = now.live[row] != 0 && !options.ends(now.written[row]) ? 1 : 0;
    }
  }
}

}  // namespace headscope
