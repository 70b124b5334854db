#include "lib/generate/generate.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/generate/generation_state.h"
#include "lib/generate/one_column.h"
#include "lib/generate/predictions.h"
#include "lib/generate/rotary_growth.h"
#include "lib/model/kv_parts.h"
#include "lib/model/require_causal.h"

namespace headscope {

Prompt computed_text(Prompt prompt, const GeneratedText& text) {
  for (std::size_t i = 0; i + 1 < text.tokens.size(); ++i) {
    prompt.tokens.push_back(text.tokens[i].token);
    ++prompt.written;
  }
  prompt.pieces.clear();  // of the prompt alone
  return prompt;
}

Generation::Generation(const Model& model) : Generation(model, Options{}) {}

Generation::Generation(const Model& model, Options options)
    : model_(model),
      options_(std::move(options)),
      parts_(options_.keys == KvKept::by_plan ? kv_parts(model) : std::vector<KvParts>()),
      cache_(model.config(), parts_),
      decoder_(model, options_.decode) {
  require_causal(model.config(), "writing on");
}

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

std::size_t Generation::join(TextRequest request) {
  return join(std::move(request), nobody_);
}

std::size_t Generation::join(TextRequest request, Tap& tap) {
  const auto prompt = static_cast<std::int64_t>(request.prompt.size());
  check_rotary_growth(model_, prompt, prompt + request.stop.max_new - 1);
  auto state =
      std::make_shared<State>(State{.request = request, .sampler = Sampler(request.sampler)});
  if (!request.stop.strings.empty() || model_.has_tokenizer()) {
    state->writer.emplace(model_.tokenizer(), request.prompt, request.stop.strings);
  }
  state->tokens = request.prompt;
  KvCache own(model_.config(), parts_);
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
  const KvCache::Bytes bytes = cache_.bytes();
  most_kept_ = bytes.whole > most_kept_.whole ? bytes : most_kept_;
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

}  // namespace headscope
