#include "cli/serve/model_engine.h"

#include <set>
#include <variant>

#include "cli/api/text_answer.h"
#include "cli/http/http_routes.h"
#include "cli/intervene.h"
#include "cli/serve/model_card.h"
#include "lib/base/error.h"

namespace headscope {

ModelEngine::ModelEngine(const Model& model,
                         std::shared_ptr<Directions> directions,
                         EngineOptions options)
    : model_(model),
      directions_(std::move(directions)),
      options_(std::move(options)),
      card_(model_card(model, options_.id)),
      queue_(options_.queue),
      prefixes_(std::make_shared<PrefixCache>(options_.prefix_bytes)),
      generation_(new_generation()) {}

std::unique_ptr<Generation> ModelEngine::new_generation() const {
  return std::make_unique<Generation>(
      model_, Generation::Options{.prefixes = prefixes_, .keys = options_.keys});
}

EngineCounts ModelEngine::counts() const {
  return {.running = running_count_,
          .waiting = queue_.size(),
          .prompt_tokens = prompt_tokens_,
          .written_tokens = written_tokens_,
          .steps = steps_,
          .prefix_hits = prefixes_->hits(),
          .prefix_bytes = prefixes_->bytes_held()};
}

std::uint64_t ModelEngine::write(TextJob job, std::shared_ptr<TextListener> listener) {
  return queue_.put(std::move(job), std::move(listener));
}

void ModelEngine::cancel(std::uint64_t job) {
  queue_.cancel(job);
}

void ModelEngine::look(ValuesJob job, Answer answer) {
  queue_.put({std::move(job), std::move(answer)});
}

void ModelEngine::look(AttentionJob job, Answer answer) {
  queue_.put({std::move(job), std::move(answer)});
}

std::shared_ptr<const SteeringDirection> ModelEngine::read_direction(
    const Json& description, const std::string& values) const {
  return client_direction(description, values, model_);
}

void ModelEngine::run(const std::function<bool()>& stopped) {
  while (!stopped()) {
    drop_cancelled();
    const bool joined = join_next();
    const bool looked = look_next();
    const bool stepped = step();
    if (!joined && !looked && !stepped) {
      queue_.wait();
    }
  }
  fail_all();
}

void ModelEngine::drop_cancelled() {
  const std::set<std::uint64_t> cancelled = queue_.take_cancelled();
  std::vector<std::size_t> gone;
  for (const auto& [text, writing] : running_) {
    if (cancelled.contains(writing->number)) {
      gone.push_back(text);
    }
  }
  for (const std::size_t text : gone) {
    try {
      release(text);
    } catch (...) {  // its row could not be taken out
      isolate_running();
      return;
    }
  }
}

void ModelEngine::count_running() {
  running_count_ = static_cast<std::int64_t>(running_.size());
}

// Those that must run alone come first, and nothing joins them.
bool ModelEngine::may_join(const Writing& writing) const {
  const bool one_runs_alone = running_.size() == 1 && running_.begin()->second->alone;
  return !one_runs_alone && static_cast<std::int64_t>(running_.size()) < options_.batch &&
         (!writing.alone || running_.empty());
}

// One a step, in the order they came: a text that runs waits for one prompt at most, and a prompt
// for one step and those before it.
bool ModelEngine::join_next() {
  const WritingPtr writing =
      queue_.take_text([this](const Writing& first) { return may_join(first); });
  if (writing == nullptr) {
    return false;
  }
  try {
    join(writing);
  } catch (...) {
    fail(writing, std::current_exception());
  }
  return true;
}

void ModelEngine::join(const WritingPtr& writing) {
  writing->prompt = prompt_tokens(writing->job.prompt, model_, options_.chat);
  writing->change = client_change(writing->job.interventions, model_, *directions_);
  if (!writing->alone && runs_best_alone(writing->change.get(), model_.config())) {
    writing->alone = true;
    if (!running_.empty()) {
      queue_.put_back(writing);
      return;
    }
  }
  if (!writing->job.prompt.messages.is_null()) {
    writing->stop_ids = options_.chat_ends;
  }
  const std::size_t text = generation_->join(text_request(*writing));
  prompt_tokens_ += static_cast<std::int64_t>(writing->prompt.size());
  running_[text] = writing;
  count_running();
  tell(text, writing);
}

bool ModelEngine::look_next() {
  const std::optional<EngineLook> look = queue_.take_look();
  if (!look) {
    return false;
  }
  try {
    look->answer({.body = line(answer_to(*look))});
  } catch (...) {
    const Json& interventions =
        std::visit([](const auto& job) -> const Json& { return job.interventions; }, look->job);
    look->answer(error_response(http_error_of(std::current_exception(), interventions)));
  }
  return true;
}

OrderedJson ModelEngine::answer_to(const EngineLook& look) const {
  return std::visit(
      [&](const auto& job) -> OrderedJson {
        Prompt prompt;
        prompt.tokens = prompt_tokens(job.prompt, model_, options_.chat);
        prompt.spans = job.prompt.spans;
        const auto change = client_change(job.interventions, model_, *directions_);
        const Model changed = model_.with(change);
        OrderedJson json;
        if constexpr (std::is_same_v<std::decay_t<decltype(job)>, ValuesJob>) {
          json = {{"tokens", prompt.tokens},
                  {"activations", values_json(changed, prompt, job, options_.look)}};
        } else {
          json = attention_json(changed, prompt, job, options_.look);
        }
        check_changed_something(change.get());
        if (change) {
          json["interventions"] = fired_json(change.get());
        }
        return json;
      },
      look.job);
}

bool ModelEngine::step() {
  if (running_.empty()) {
    return false;
  }
  try {
    generation_->step();
  } catch (...) {
    if (running_.size() == 1) {
      const WritingPtr only = running_.begin()->second;
      running_.clear();
      generation_ = new_generation();
      count_running();
      fail(only, std::current_exception());
    } else {
      isolate_running();
    }
    return true;
  }
  ++steps_;
  const auto running = running_;
  for (const auto& [text, writing] : running) {
    tell(text, writing);
  }
  return true;
}

// Nobody can tell whose step failed, and the batch's keys and values may be of half a step: each
// text starts again by itself. It writes the same tokens; those told already are not told again.
void ModelEngine::isolate_running() {
  for (auto each = running_.rbegin(); each != running_.rend(); ++each) {
    each->second->alone = true;
    queue_.put_back(each->second);
  }
  running_.clear();
  generation_ = new_generation();
  count_running();
}

// What the listener throws is its own text's end, and no other's.
void ModelEngine::tell(std::size_t text, const WritingPtr& writing) {
  try {
    written_tokens_ += tell_new_tokens(*writing, generation_->text(text), model_);
    if (generation_->text(text).ended == Ended::no) {
      return;
    }
    const GeneratedText whole = generation_->text(text);
    release(text);  // first, so that whoever has its answer finds its place free
    finish(writing, whole);
  } catch (...) {
    release(text);
    fail(writing, std::current_exception());
  }
}

void ModelEngine::release(std::size_t text) {
  if (running_.erase(text) > 0) {
    generation_->leave(text);
    generation_->forget(text);
    count_running();
  }
}

void ModelEngine::finish(const WritingPtr& writing, const GeneratedText& text) {
  const TextEnd end = end_of(*writing, text, model_, options_.look);
  queue_.ended(writing->number);
  writing->listener->ended(end);
}

void ModelEngine::fail(const WritingPtr& writing, const std::exception_ptr& error) {
  queue_.ended(writing->number);
  writing->listener->failed(http_error_of(error, writing->job.interventions));
}

void ModelEngine::fail_all() {
  EngineQueue::Left left = queue_.close();
  for (const auto& [text, writing] : running_) {
    left.texts.push_back(writing);
  }
  running_.clear();
  const HttpError error(503, "the server is shutting down", "shutting_down");
  for (const WritingPtr& writing : left.texts) {
    fail(writing, std::make_exception_ptr(error));
  }
  for (const EngineLook& look : left.looks) {
    look.answer(error_response(error));
  }
}

}  // namespace headscope
