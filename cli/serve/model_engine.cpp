#include "cli/serve/model_engine.h"

#include <algorithm>
#include <chrono>

#include "cli/api/text_answer.h"
#include "cli/http/http_routes.h"
#include "cli/intervene.h"
#include "cli/serve/model_card.h"
#include "lib/base/error.h"
#include "lib/generate/predictions.h"

namespace headscope {
namespace {

// As the server answers what is thrown, but for the engine's listeners.
HttpError http_error_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const HttpError& refused) {
    return refused;
  } catch (...) {
    const HttpResponse response = response_to(error);
    const Json body = Json::parse(response.body);
    return {response.status, body["error"]["message"].get<std::string>()};
  }
}

TextRequest text_request(const TextJob& job,
                         const std::vector<std::int32_t>& prompt,
                         const std::shared_ptr<const StandingChange>& change) {
  TextRequest request;
  request.prompt = prompt;
  request.sampler = {.temperature = job.temperature,
                     .top_k = job.top_k,
                     .top_p = job.top_p,
                     .min_p = job.min_p,
                     .repetition_penalty = job.repetition_penalty,
                     .seed = job.seed};
  request.stop.strings = job.stops;
  request.stop.max_new = job.most_tokens;
  request.change = change;
  request.top_logprobs = job.top_logprobs;
  return request;
}

// Changes that a pass cannot run beside any other: that read a layer's attention, while another may
// put something in its place; and those of values that are one for all rows.
bool runs_best_alone(const StandingChange* change, const ModelConfig& config) {
  if (change == nullptr) {
    return false;
  }
  const auto tap = change->tap();
  for (int layer = 0; layer < config.n_layers; ++layer) {
    if (tap->wants_attention(layer)) {
      return true;
    }
  }
  return tap->wants({Site::pos_embed, kNoLayer}) != Interest::none;
}

JobToken::Scored scored_token(const Model& model, std::int32_t token, float logprob) {
  return {.piece = piece_of(model, token), .logprob = static_cast<double>(logprob)};
}

JobToken job_token(const Model& model, const WrittenToken& written) {
  JobToken token{.scored = scored_token(model, written.token, written.logprob)};
  for (const WrittenToken::Alternative& other : written.top) {
    token.top.push_back(scored_token(model, other.token, other.logprob));
  }
  return token;
}

}  // namespace

ModelEngine::ModelEngine(const Model& model,
                         std::shared_ptr<Directions> directions,
                         EngineOptions options)
    : model_(model),
      directions_(std::move(directions)),
      options_(std::move(options)),
      card_(model_card(model, options_.id)),
      generation_(std::make_unique<Generation>(model_)) {}

EngineCounts ModelEngine::counts() const {
  const std::lock_guard lock(mutex_);
  return {.running = running_count_,
          .waiting = static_cast<std::int64_t>(waiting_.size() + looks_.size()),
          .prompt_tokens = prompt_tokens_,
          .written_tokens = written_tokens_,
          .steps = steps_};
}

// Under the lock.
void ModelEngine::check_room() const {
  if (stopped_) {
    throw HttpError(503, "the server is shutting down", "shutting_down");
  }
  if (waiting_.size() + looks_.size() >= options_.queue) {
    throw HttpError(429,
                    fmt::format("{} requests wait already: try again later", options_.queue),
                    "queue_full");
  }
}

std::uint64_t ModelEngine::write(TextJob job, std::shared_ptr<TextListener> listener) {
  const std::lock_guard lock(mutex_);
  check_room();
  const std::uint64_t number = next_number_++;
  waiting_.push_back(std::make_shared<Writing>(
      Writing{.number = number, .job = std::move(job), .listener = std::move(listener)}));
  known_.insert(number);
  woken_.notify_one();
  return number;
}

void ModelEngine::cancel(std::uint64_t job) {
  const std::lock_guard lock(mutex_);
  if (known_.contains(job)) {
    cancelled_.insert(job);
    woken_.notify_one();
  }
}

void ModelEngine::look(ValuesJob job, Answer answer) {
  const std::lock_guard lock(mutex_);
  check_room();
  looks_.push_back({std::move(job), std::move(answer)});
  woken_.notify_one();
}

void ModelEngine::look(AttentionJob job, Answer answer) {
  const std::lock_guard lock(mutex_);
  check_room();
  looks_.push_back({std::move(job), std::move(answer)});
  woken_.notify_one();
}

void ModelEngine::run(const std::function<bool()>& stopped) {
  while (!stopped()) {
    drop_cancelled();
    const bool joined = join_next();
    const bool looked = look_next();
    const bool stepped = step();
    if (!joined && !looked && !stepped) {
      wait_for_work();
    }
  }
  fail_all();
}

void ModelEngine::wait_for_work() {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, std::chrono::milliseconds(50), [this] {
    return !waiting_.empty() || !looks_.empty() || !cancelled_.empty();
  });
}

void ModelEngine::drop_cancelled() {
  std::unique_lock lock(mutex_);
  if (cancelled_.empty()) {
    return;
  }
  std::erase_if(waiting_,
                [this](const WritingPtr& each) { return cancelled_.contains(each->number); });
  std::vector<std::size_t> gone;
  for (const auto& [text, writing] : running_) {
    if (cancelled_.contains(writing->number)) {
      gone.push_back(text);
    }
  }
  for (const std::uint64_t job : cancelled_) {
    known_.erase(job);
  }
  cancelled_.clear();
  lock.unlock();
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
ModelEngine::WritingPtr ModelEngine::next_writing() {
  const std::lock_guard lock(mutex_);
  const bool runs_alone = running_.size() == 1 && running_.begin()->second->alone;
  if (waiting_.empty() || runs_alone ||
      static_cast<std::int64_t>(running_.size()) >= options_.batch ||
      (waiting_.front()->alone && !running_.empty())) {
    return nullptr;
  }
  WritingPtr first = waiting_.front();
  waiting_.pop_front();
  return first;
}

// One a step, so that texts that run do not wait for many prompts.
bool ModelEngine::join_next() {
  const WritingPtr writing = next_writing();
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
      const std::lock_guard lock(mutex_);
      waiting_.push_front(writing);
      return;
    }
  }
  TextRequest request = text_request(writing->job, writing->prompt, writing->change);
  if (!writing->job.prompt.messages.is_null()) {
    request.stop.ids = options_.chat_ends;
  }
  const std::size_t text = generation_->join(std::move(request));
  prompt_tokens_ += static_cast<std::int64_t>(writing->prompt.size());
  running_[text] = writing;
  count_running();
  tell(text, writing);
}

bool ModelEngine::look_next() {
  Look look;
  {
    const std::lock_guard lock(mutex_);
    if (looks_.empty()) {
      return false;
    }
    look = std::move(looks_.front());
    looks_.pop_front();
  }
  try {
    look.answer({.body = line(answer_to(look))});
  } catch (...) {
    look.answer(response_to(std::current_exception()));
  }
  return true;
}

OrderedJson ModelEngine::answer_to(const Look& look) const {
  return std::visit(
      [&](const auto& job) -> OrderedJson {
        Prompt prompt;
        prompt.tokens = prompt_tokens(job.prompt, model_, options_.chat);
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
      generation_ = std::make_unique<Generation>(model_);
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
  const std::lock_guard lock(mutex_);
  for (auto each = running_.rbegin(); each != running_.rend(); ++each) {
    each->second->alone = true;
    waiting_.push_front(each->second);
  }
  running_.clear();
  generation_ = std::make_unique<Generation>(model_);
  count_running();
}

// What the listener throws is its own text's end, and no other's.
void ModelEngine::tell(std::size_t text, const WritingPtr& writing) {
  try {
    tell_tokens(text, writing);
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

void ModelEngine::tell_tokens(std::size_t text, const WritingPtr& writing) {
  const GeneratedText& now = generation_->text(text);
  // The token that ends a turn is not part of what was said.
  const std::size_t said = now.tokens.size() - (now.ended == Ended::id ? 1 : 0);
  for (std::size_t i = 0; i < std::min(writing->told.size(), said); ++i) {
    if (now.tokens[i].token != writing->told[i]) {
      throw HttpError(503,
                      "a step failed beside another text, and run again by itself this one rounds "
                      "to another token; send it again",
                      "restarted");
    }
  }
  for (; writing->told_tokens < said; ++writing->told_tokens) {
    writing->told.push_back(now.tokens[writing->told_tokens].token);
    JobToken token = job_token(model_, now.tokens[writing->told_tokens]);
    if (writing->told_tokens + 1 == now.tokens.size()) {
      token.text = now.text.substr(std::min(writing->told_bytes, now.text.size()));
      writing->told_bytes += token.text.size();
    }
    ++written_tokens_;
    writing->listener->wrote(token);
  }
}

void ModelEngine::finish(const WritingPtr& writing, const GeneratedText& text) {
  check_changed_something(writing->change.get());
  TextEnd end{.reason = text.ended == Ended::id || text.ended == Ended::string ? "stop" : "length",
              .text = text.text.substr(std::min(writing->told_bytes, text.text.size())),
              .prompt_tokens = static_cast<std::int64_t>(writing->prompt.size()),
              .written_tokens = static_cast<std::int64_t>(text.tokens.size()),
              .interventions = fired_json(writing->change.get())};
  if (writing->job.hooks) {
    Prompt prompt;
    prompt.tokens = writing->prompt;
    end.hooks = values_json(model_.with(writing->change),
                            computed_text(std::move(prompt), text),
                            *writing->job.hooks,
                            options_.look);
  }
  {
    const std::lock_guard lock(mutex_);
    known_.erase(writing->number);
  }
  writing->listener->ended(end);
}

void ModelEngine::fail(const WritingPtr& writing, const std::exception_ptr& error) {
  {
    const std::lock_guard lock(mutex_);
    known_.erase(writing->number);
  }
  writing->listener->failed(http_error_of(error));
}

void ModelEngine::fail_all() {
  std::deque<WritingPtr> writings;
  std::deque<Look> looks;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    writings.swap(waiting_);
    looks.swap(looks_);
  }
  for (const auto& [text, writing] : running_) {
    writings.push_back(writing);
  }
  running_.clear();
  const HttpError error(503, "the server is shutting down", "shutting_down");
  for (const WritingPtr& writing : writings) {
    fail(writing, std::make_exception_ptr(error));
  }
  for (const Look& look : looks) {
    look.answer(error_response(error));
  }
}

}  // namespace headscope
