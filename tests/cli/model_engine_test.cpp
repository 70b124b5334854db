// Texts of many clients in one batch against each written alone.
#include "cli/serve/model_engine.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/json.h"
#include "tests/support/running_engine.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("texts of different interventions in one batch are each what it is alone") {
  const Model model = load(huggingface_fixture("gpt2"));
  std::vector<TextJob> jobs;
  for (std::size_t i = 0; i < 40; ++i) {
    std::vector<std::int32_t> prompt;
    for (std::size_t k = 0; k < 1 + i % 7; ++k) {
      prompt.push_back(static_cast<std::int32_t>(5 + (i * 31 + k * 17) % 250));
    }
    jobs.push_back(job_of(prompt, kEdits[i % kEdits.size()]));
    jobs.back().most_tokens = static_cast<std::int64_t>(1 + i % 11);
    jobs.back().temperature = i % 3 == 0 ? 0.0 : 1.5;
    jobs.back().seed = i;
  }
  RunningEngine running(model, {.id = "tiny", .batch = 6});
  std::vector<std::shared_ptr<Collected>> all;
  for (const TextJob& job : jobs) {
    all.push_back(running.write(job));
  }
  std::set<std::string> texts;
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(i);
    all[i]->wait();
    REQUIRE_FALSE(all[i]->error);
    std::vector<std::int32_t> expected = alone(model, jobs[i]);
    CHECK(all[i]->end->written_tokens == static_cast<std::int64_t>(expected.size()));
    if (all[i]->end->reason == "stop") {
      expected.pop_back();
    }
    REQUIRE(all[i]->tokens.size() == expected.size());
    std::string pieces;
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const std::string piece = model.tokenizer().piece(expected[k]);
      CHECK(all[i]->tokens[k].scored.piece == piece);
      pieces += piece;
    }
    CHECK(all[i]->end->prompt_tokens == static_cast<std::int64_t>(jobs[i].prompt.tokens.size()));
    CHECK(all[i]->end->interventions.is_null() == jobs[i].interventions.is_null());
    texts.insert(all[i]->text);
  }
  CHECK(texts.size() > 10);
  CHECK(running.engine.counts().running == 0);
  CHECK(running.engine.counts().written_tokens > 100);
}

TEST_CASE("a prompt that the model cannot run is an error with its reason") {
  const Model model = load(huggingface_fixture("gpt2"));
  RunningEngine running(model);
  CHECK(running.error_of(job_of(std::vector<std::int32_t>(40, 5), "")).code() ==
        "context_length_exceeded");
  CHECK_THAT(running.error_of(job_of({5, 288}, "")).what(), contains("token 288"));
  TextJob empty{.prompt = {.text = ""}};
  CHECK(running.error_of(empty).code() == "empty_prompt");
  TextJob chat{.prompt = {.messages = Json::array({{{"role", "user"}, {"content", "a"}}})}};
  CHECK(running.error_of(chat).code() == "no_chat_template");
  const auto full = running.write([] {
    TextJob job = job_of(std::vector<std::int32_t>(39, 5), "");
    job.most_tokens = 50;
    return job;
  }());
  full->wait();
  REQUIRE(full->end);
  CHECK(full->end->reason == "length");
}

TEST_CASE("messages become the prompt that the chat template makes") {
  const Model model = load(huggingface_fixture("gpt2"));
  const ChatPrompt chat = [&](const Json& messages) {
    return model.tokenizer().encode("<" + messages[0]["content"].get<std::string>() + ">");
  };
  RunningEngine running(model, {.id = "tiny", .chat = chat});
  TextJob from_chat{.prompt = {.messages = Json::array({{{"role", "user"}, {"content", "ab"}}})}};
  from_chat.temperature = 0;
  TextJob from_text{.prompt = {.text = "<ab>"}};
  from_text.temperature = 0;
  const auto one = running.write(from_chat);
  const auto other = running.write(from_text);
  one->wait();
  other->wait();
  CHECK(one->text == other->text);
  CHECK(one->end->prompt_tokens == other->end->prompt_tokens);
}

TEST_CASE("a chat ends behind the tokens that end its turns") {
  const Model model = load(huggingface_fixture("gpt2"));
  const std::vector<std::int32_t> prompt = prompt_that_goes_on(model);
  const ChatPrompt chat = [&](const Json&) { return prompt; };
  const std::vector<std::int32_t> written = alone(model, job_of(prompt, ""));
  RunningEngine running(model, {.id = "tiny", .chat = chat, .chat_ends = {written[3]}});
  TextJob job = job_of({}, "");
  job.prompt.messages = Json::array({{{"role", "user"}, {"content", "a"}}});
  const auto got = running.write(job);
  got->wait();
  REQUIRE(got->end);
  CHECK(got->end->reason == "stop");
  const auto first = std::find(written.begin(), written.end(), written[3]) - written.begin();
  CHECK(got->tokens.size() == static_cast<std::size_t>(first));
}

TEST_CASE("prompts that come again go on from what is kept, and answer and count the same") {
  const Model model = load(huggingface_fixture("llama"));
  RunningEngine running(model);
  RunningEngine anew(model, {.id = "tiny", .prefix_bytes = 0});
  std::vector<std::int32_t> prompt = prompt_that_goes_on(model);
  prompt.insert(prompt.end(), prompt.begin(), prompt.end());
  const std::string first =
      R"({"site": "blocks.1.attn.hook_k", "op": "scale", "factor": -4, "positions": [0]})";
  std::int64_t hits = 0;
  for (const std::string& edit : {std::string(), first, kEdits[2]}) {
    CAPTURE(edit);
    const auto expected = anew.write(job_of(prompt, edit));
    expected->wait();
    REQUIRE(expected->end);
    for (int i = 0; i < 3; ++i) {
      const auto got = running.write(job_of(prompt, edit));
      got->wait();
      REQUIRE(got->end);
      CHECK(got->text == expected->text);
      CHECK(got->end->interventions == expected->end->interventions);
    }
    hits += 2;
    CHECK(running.engine.counts().prefix_hits == hits);
  }
  CHECK(anew.engine.counts().prefix_hits == 0);
  CHECK(anew.engine.counts().prefix_bytes == 0);
}

// While it writes, prompts join one by one, each behind a token of the text that runs.
TEST_CASE("a text that runs waits for one prompt at most, and prompts come in their order") {
  const Model model = load(huggingface_fixture("llama"));
  struct Order {
    std::mutex mutex;
    std::vector<int> of;  // which text wrote, token by token
  };
  class Ordered final : public TextListener {
   public:
    Ordered(Order& order, int text) : order_(order), text_(text) {}
    void wrote(const JobToken&) override {
      const std::lock_guard lock(order_.mutex);
      order_.of.push_back(text_);
    }
    void ended(const TextEnd&) override { done.set_value(); }
    void failed(const HttpError&) override { done.set_value(); }
    std::promise<void> done;

   private:
    Order& order_;
    int text_;
  };
  Order order;
  const auto directions = std::make_shared<Directions>(1);
  ModelEngine engine(model, directions, {.id = "tiny"});
  std::vector<std::shared_ptr<Ordered>> texts;
  for (int i = 0; i < 6; ++i) {
    TextJob job = job_of(prompt_that_goes_on(model), "");
    texts.push_back(std::make_shared<Ordered>(order, i));
    engine.write(std::move(job), texts.back());  // all wait before the engine runs
  }
  std::atomic<bool> stop = false;
  std::thread thread([&] { engine.run([&] { return stop.load(); }); });
  for (const auto& text : texts) {
    text->done.get_future().wait();
  }
  stop = true;
  thread.join();
  std::vector<std::size_t> joined;
  for (int i = 0; i < 6; ++i) {
    joined.push_back(static_cast<std::size_t>(std::find(order.of.begin(), order.of.end(), i) -
                                              order.of.begin()));
  }
  REQUIRE(joined.back() < order.of.size());
  for (std::size_t i = 1; i < joined.size(); ++i) {
    CHECK(joined[i - 1] < joined[i]);
    // Every text that ran had its token between the two prompts.
    for (int before = 0; before < static_cast<int>(i); ++before) {
      const auto begin = order.of.begin() + static_cast<std::ptrdiff_t>(joined[i - 1]) + 1;
      const auto end = order.of.begin() + static_cast<std::ptrdiff_t>(joined[i]);
      CHECK(std::count(begin, end, before) == 1);
    }
  }
}

TEST_CASE("a cancelled text leaves its place, running or waiting") {
  const Model model = load(huggingface_fixture("gpt2"));
  std::atomic<bool> stop = false;
  const auto directions = std::make_shared<Directions>(1);
  ModelEngine engine(model, directions, {.id = "tiny", .batch = 1, .queue = 3});
  const auto first = std::make_shared<Collected>();
  const auto second = std::make_shared<Collected>();
  const auto third = std::make_shared<Collected>();
  engine.write(job_of({5}, ""), first);
  engine.cancel(engine.write(job_of({6}, ""), second));
  engine.write(job_of({7}, ""), third);
  CHECK_THROWS_AS(engine.write(job_of({8}, ""), third), HttpError);
  std::thread thread([&] { engine.run([&] { return stop.load(); }); });
  first->wait();
  third->wait();
  stop = true;
  thread.join();
  CHECK(second->tokens.empty());
  CHECK_FALSE(second->end);
  CHECK(engine.counts().waiting == 0);
  try {
    engine.write(job_of({8}, ""), third);
    FAIL("an engine that has stopped took a job");
  } catch (const HttpError& error) {
    CHECK(error.status() == 503);
  }
}
