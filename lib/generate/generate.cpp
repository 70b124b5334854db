#include "lib/generate/generate.h"

#include <algorithm>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The logits behind one more token of every row.
Tensor one_more(const Model& model,
                KvCache& cache,
                const std::vector<std::int32_t>& input,
                Tap& tap) {
  std::vector<std::vector<std::int32_t>> columns;
  for (const std::int32_t token : input) {
    columns.push_back({token});
  }
  return model.forward(Batch(columns), tap, {.logits = Logits::last, .cache = &cache}).logits;
}

}  // namespace

StopWatch::StopWatch(const Model& model, StopRules rules)
    : model_(model), rules_(std::move(rules)) {
  if (!rules_.strings.empty()) {
    (void)model.tokenizer();  // or throws
  }
}

Ended StopWatch::after(const std::vector<std::int32_t>& written) const {
  if (std::find(rules_.ids.begin(), rules_.ids.end(), written.back()) != rules_.ids.end()) {
    return Ended::id;
  }
  if (!rules_.strings.empty()) {
    const std::string text = model_.tokenizer().decode(written);
    for (const std::string& stop : rules_.strings) {
      if (text.find(stop) != std::string::npos) {
        return Ended::string;
      }
    }
  }
  return static_cast<std::int64_t>(written.size()) >= rules_.max_new ? Ended::length : Ended::no;
}

Generation::Generation(const Model& model, const Options& options)
    : model_(model),
      sampler_(options.sampler),
      stop_(model, options.stop),
      cache_(model.config()) {}

std::size_t Generation::join(const std::vector<std::int32_t>& prompt) {
  KvCache own(model_.config());
  const Tensor logits =
      model_.forward(Batch({prompt}), {.logits = Logits::last, .cache = &own}).logits;
  const std::size_t text = texts_.size();
  texts_.emplace_back();
  texts_[text].written.push_back(sampler_.pick(logits, {{text, 0}}).front());
  texts_[text].ended = stop_.after(texts_[text].written);
  if (texts_[text].ended == Ended::no) {
    cache_.append_rows(own);
    running_.push_back(text);
  }
  return text;
}

void Generation::leave(std::size_t text) {
  const auto found = std::find(running_.begin(), running_.end(), text);
  if (found != running_.end()) {
    cache_.drop_rows({found - running_.begin()});
    running_.erase(found);
  }
}

// Rows whose text has ended leave.
void Generation::drop_ended() {
  std::vector<std::int64_t> rows;
  std::vector<std::size_t> still;
  for (std::size_t row = 0; row < running_.size(); ++row) {
    if (texts_[running_[row]].ended == Ended::no) {
      still.push_back(running_[row]);
    } else {
      rows.push_back(static_cast<std::int64_t>(row));
    }
  }
  if (!rows.empty()) {
    cache_.drop_rows(rows);
    running_ = still;
  }
}

// Texts that have no position left for their next token end.
void Generation::end_full_rows() {
  for (std::size_t row = 0; row < running_.size(); ++row) {
    if (cache_.columns() - cache_.pads()[row] >= model_.config().n_ctx) {
      texts_[running_[row]].ended = Ended::context;
    }
  }
  drop_ended();
}

bool Generation::step(Tap& tap) {
  end_full_rows();
  if (running_.empty()) {
    return false;
  }
  std::vector<std::int32_t> input;
  std::vector<Draw> draws;
  for (const std::size_t text : running_) {
    input.push_back(texts_[text].written.back());
    draws.push_back({text, texts_[text].written.size()});
  }
  const std::vector<std::int32_t> tokens =
      sampler_.pick(one_more(model_, cache_, input, tap), draws);
  for (std::size_t row = 0; row < running_.size(); ++row) {
    Text& text = texts_[running_[row]];
    text.written.push_back(tokens[row]);
    text.ended = stop_.after(text.written);
  }
  drop_ended();
  return true;
}

bool Generation::step() {
  NoTap nobody;
  return step(nobody);
}

void greedy_decode(const Model& model,
                   KvCache& cache,
                   const std::vector<std::int32_t>& last,
                   const DecodeOptions& options,
                   Tap& tap,
                   const std::function<void(const DecodeStep&)>& each) {
  const Sampler likeliest{SamplerOptions()};
  DecodeStep now{.written = last, .live = std::vector<char>(last.size(), 1)};
  const auto is_live = [](char live) { return live != 0; };
  for (std::int64_t i = 0; i < options.max_new && cache.columns() < model.config().n_ctx &&
                           std::any_of(now.live.begin(), now.live.end(), is_live);
       ++i) {
    now.written = likeliest.pick(one_more(model, cache, now.written, tap), {});
    each(now);
    for (std::size_t row = 0; row < now.live.size(); ++row) {
      now.live[row] = now.live[row] != 0 && !options.ends(now.written[row]) ? 1 : 0;
    }
  }
}

}  // namespace headscope
