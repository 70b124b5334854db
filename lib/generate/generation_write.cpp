// What a step adds to texts: a token of each, and the end of those that it ends.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/generate/generation_state.h"
#include "lib/generate/predictions.h"
#include "lib/model/not_finite.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

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

}  // namespace

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

}  // namespace headscope
