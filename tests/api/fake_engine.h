// An engine without a model: the test says what is written, when.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "cli/api/engine.h"

namespace headscope::test {

class FakeEngine final : public Engine {
 public:
  FakeEngine() : card_{.id = "tiny", .n_layers = 2, .n_heads = 4, .n_ctx = 64} {
    card_.hooks = {{"hooks", OrderedJson::array()}};
  }

  [[nodiscard]] const ModelCard& card() const override { return card_; }
  [[nodiscard]] EngineCounts counts() const override { return {.written_tokens = 7}; }

  std::uint64_t write(TextJob job, std::shared_ptr<TextListener> listener) override {
    const std::lock_guard lock(mutex_);
    if (full_at != 0 && jobs_.size() + 1 >= full_at) {
      throw HttpError(429, "the queue is full", "queue_full");
    }
    jobs_.push_back({std::move(job), std::move(listener)});
    return jobs_.size() - 1;
  }

  void cancel(std::uint64_t job) override {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(job);
  }

  void look(ValuesJob job, Answer answer) override {
    answer({.body = OrderedJson{{"hooks", job.hooks}}.dump()});
  }
  void look(AttentionJob job, Answer answer) override {
    answer(
        {.body = OrderedJson{{"statistics", job.show == AttentionJob::Show::statistics}}.dump()});
  }

  [[nodiscard]] std::shared_ptr<const SteeringDirection> read_direction(
      const Json& description, const std::string& values) const override {
    if (description.value("version", 0) != 1) {
      throw HttpError(400, "not a direction of version 1", "invalid_direction");
    }
    // Nobody looks into it here: any address will do that is not null.
    const auto text = std::make_shared<std::string>(values);
    return {text, static_cast<const SteeringDirection*>(static_cast<const void*>(text.get()))};
  }

  struct Given {
    TextJob job;
    std::shared_ptr<TextListener> listener;
  };
  [[nodiscard]] std::vector<Given> jobs() const {
    const std::lock_guard lock(mutex_);
    return jobs_;
  }
  [[nodiscard]] std::vector<std::uint64_t> cancelled() const {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }

  std::size_t full_at = 0;  // which job finds the queue full; 0: none

 private:
  ModelCard card_;
  mutable std::mutex mutex_;
  std::vector<Given> jobs_;
  std::vector<std::uint64_t> cancelled_;
};

// An exchange in memory.
class FakeExchange final : public HttpExchange {
 public:
  explicit FakeExchange(HttpRequest request) : request_(std::move(request)) {}
  [[nodiscard]] const HttpRequest& request() const override { return request_; }
  void reply(HttpResponse response) override { replies.push_back(std::move(response)); }
  void start_stream(const std::string& content_type) override { streamed = content_type + "\n"; }
  void send(std::string piece) override { streamed += piece; }
  void end_stream() override { ended = true; }
  void when_gone(std::function<void()> told) override { gone = std::move(told); }

  std::vector<HttpResponse> replies;
  std::string streamed;
  bool ended = false;
  std::function<void()> gone;

 private:
  HttpRequest request_;
};

}  // namespace headscope::test
