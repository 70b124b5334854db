// A server's engine on a small model, what its clients are told, and each text written alone.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/serve/model_engine.h"
#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

namespace headscope::test {

class Collected final : public TextListener {
 public:
  void wrote(const JobToken& token) override {
    const std::lock_guard lock(mutex_);
    tokens.push_back(token);
    text += token.text;
  }
  void ended(const TextEnd& end_now) override {
    const std::lock_guard lock(mutex_);
    text += end_now.text;
    end = end_now;
    done_ = true;
    changed_.notify_all();
  }
  void failed(const HttpError& error_now) override {
    const std::lock_guard lock(mutex_);
    error = error_now;
    done_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60), [this] { return done_; }));
  }

  std::vector<JobToken> tokens;
  std::string text;
  std::optional<TextEnd> end;
  std::optional<HttpError> error;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

// An engine that runs as long as it lives.
class RunningEngine {
 public:
  explicit RunningEngine(const Model& model, EngineOptions options = {.id = "tiny"})
      : engine(model, directions, std::move(options)),
        thread_([this] { engine.run([this] { return stop_.load(); }); }) {}
  ~RunningEngine() {
    stop_ = true;
    thread_.join();
  }

  std::shared_ptr<Collected> write(TextJob job) {
    auto listener = std::make_shared<Collected>();
    engine.write(std::move(job), listener);
    return listener;
  }

  HttpError error_of(TextJob job) {
    const auto got = write(std::move(job));
    got->wait();
    REQUIRE(got->error);
    return *got->error;
  }

  template <typename Job>
  HttpResponse look(Job job) {
    std::promise<HttpResponse> promise;
    engine.look(std::move(job), [&](HttpResponse response) { promise.set_value(response); });
    return promise.get_future().get();
  }

  std::shared_ptr<Directions> directions = std::make_shared<Directions>(1 << 20);
  ModelEngine engine;

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

inline Json document(const std::string& edits) {
  return Json::parse(R"({"version": 1, "interventions": [)" + edits + "]}");
}

inline TextJob job_of(const std::vector<std::int32_t>& prompt, const std::string& edits) {
  TextJob job{.prompt = {.tokens = prompt}};
  job.temperature = 0;
  job.most_tokens = 8;
  if (!edits.empty()) {
    job.interventions = document(edits);
  }
  return job;
}

inline std::vector<std::int32_t> alone(const Model& model, const TextJob& job) {
  Generation generation(model);
  TextRequest request{.prompt = job.prompt.tokens};
  request.sampler.temperature = job.temperature;
  request.sampler.seed = job.seed;
  request.stop.max_new = job.most_tokens;
  if (!job.interventions.is_null()) {
    request.change = std::make_shared<StandingInterventions>(
        interventions_from_json(job.interventions, "test"), model, "hash");
  }
  const std::size_t text = generation.join(std::move(request));
  while (generation.step()) {
  }
  std::vector<std::int32_t> tokens;
  for (const WrittenToken& token : generation.text(text).tokens) {
    tokens.push_back(token.token);
  }
  return tokens;
}

// A prompt that the model does not end at once.
inline std::vector<std::int32_t> prompt_that_goes_on(const Model& model) {
  for (std::int32_t first = 5; first < 60; ++first) {
    if (alone(model, job_of({first, 6, 7}, "")).size() == 8) {
      return {first, 6, 7};
    }
  }
  FAIL("every prompt ends at once");
  return {};
}

inline const std::vector<std::string> kEdits{
    "",
    R"({"site": "blocks.1.attn.hook_z", "heads": [1], "op": "zero"})",
    R"({"site": "blocks.*.attn.hook_z", "heads": [0, 2], "op": "scale", "factor": -3})",
    R"({"site": "blocks.0.hook_mlp_out", "op": "scale", "factor": 4})",
    R"({"site": "blocks.2.attn.hook_pattern", "heads": [3], "op": "uniform"})"};

}  // namespace headscope::test
