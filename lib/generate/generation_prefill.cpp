// The pass of a text's prompt, whole or behind a prefix that was run before.
#include <algorithm>
#include <functional>

#include "lib/generate/generation_state.h"

namespace headscope {
namespace {

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
  const bool whole = model_.turns_by_length() || asks_whole_prompts(model_, change);
  // A prefix is a beginning of a longer text, which a ring has let go of.
  const auto& prefixes = whole || !parts_.empty() ? nullptr : options_.prefixes;
  if (prefixes != nullptr && !prompt.empty()) {
    if (auto found = prefixes->find(prompt, key)) {
      cache = std::move(found->cache);
      fired = std::move(found->fired);
    }
  }
  Batch batch({std::vector<std::int32_t>(prompt.begin() + cache.columns(), prompt.end())});
  batch.describe(std::make_shared<const std::vector<RowText>>(1, state.row_text()));
  batch.number_prompts({state.request.number});
  RowChanges changed({change}, tap);
  const std::int64_t chunk = whole ? 0 : options_.prefill_chunk;
  const Tensor logits =
      model_.forward(batch, changed, {.logits = Logits::last, .cache = &cache, .chunk = chunk})
          .logits;
  if (prefixes != nullptr) {
    const std::vector<std::int64_t> own = difference(fired_of(change), before);
    if (fired && change) {  // the prompt counts as if it had run whole
      change->add_fired(difference(*fired, own));
    }
    prefixes->keep(prompt, key, cache, fired.value_or(own));
  }
  return logits;
}

}  // namespace headscope
