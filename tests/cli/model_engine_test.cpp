// Texts of many clients in one batch against each written alone.
#include "cli/serve/model_engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "hooks/direction.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"
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

TEST_CASE("an edit that cannot be, or does nothing, is the error of its text alone") {
  const Model model = load(huggingface_fixture("gpt2"));
  RunningEngine running(model);
  const auto good = running.write(job_of({5, 6, 7}, kEdits[1]));
  const auto message = [&](const std::string& edits) {
    const HttpError error = running.error_of(job_of({5, 6, 7}, edits));
    CHECK(error.status() == 400);
    return std::string(error.what());
  };
  CHECK_THAT(message(R"({"site": "blocks.1.attn.hook_zz", "op": "zero"})"),
             contains("blocks.1.attn.hook_z"));
  CHECK_THAT(message(R"({"site": "blocks.1.attn.hook_z", "heads": [4], "op": "zero"})"),
             contains("head 4"));
  CHECK_THAT(message(R"({"site": "blocks.1.attn.hook_z", "op": "scale", "factor": "NaN"})"),
             contains("\"factor\" is not a number"));
  CHECK_THAT(message(R"({"site": "blocks.1.attn.hook_z", "op": "zeros"})"), contains("zero"));
  CHECK_THAT(message(R"({"site": "blocks.1.attn.hook_z", "op": "zero", "positions": [9]})"),
             contains("position 9"));
  CHECK_THAT(message(R"({"site": "blocks.1.attn.hook_z", "op": "zero", "prompts": [3]})"),
             contains("prompt"));
  good->wait();
  CHECK_FALSE(good->error);
  CHECK(good->end->interventions[0]["values"] > 0);
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

TEST_CASE("a step that fails is the error of the text whose edit it was") {
  const Model model = load(huggingface_fixture("gpt2"));
  std::atomic<bool> stop = false;
  ModelEngine engine(model, std::make_shared<Directions>(1), {.id = "tiny"});
  std::vector<TextJob> jobs;
  std::vector<std::shared_ptr<Collected>> all;
  for (std::int32_t i = 0; i < 5; ++i) {
    jobs.push_back(job_of({5 + i, 6, 7}, kEdits[static_cast<std::size_t>(i) % kEdits.size()]));
  }
  // Finite while the prompt is read, not when the first written token is.
  jobs[2].interventions = document(
      R"({"site": "blocks.2.hook_resid_post", "op": "scale", "factor": 1e38, "apply": {"phase": "decode"}},
         {"site": "ln_final.hook_normalized", "op": "scale", "factor": 1e38, "apply": {"phase": "decode"}})");
  for (const TextJob& job : jobs) {
    all.push_back(std::make_shared<Collected>());
    engine.write(job, all.back());
  }
  std::thread thread([&] { engine.run([&] { return stop.load(); }); });
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    all[i]->wait();
  }
  stop = true;
  thread.join();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    CAPTURE(i);
    if (i == 2) {
      REQUIRE(all[i]->error);
      CHECK(all[i]->error->status() == 400);
      CHECK_THAT(all[i]->error->what(), contains("not numbers"));
      continue;
    }
    REQUIRE_FALSE(all[i]->error);
    std::string pieces;
    for (const JobToken& token : all[i]->tokens) {
      pieces += token.scored.piece;
    }
    std::string expected;
    for (const std::int32_t token : alone(model, jobs[i])) {
      expected += token == 1 ? "" : model.tokenizer().piece(token);
    }
    CHECK(pieces == expected);
  }
}

TEST_CASE("uploaded directions are added as numbers in the document would be") {
  const Model model = load(huggingface_fixture("gpt2"));
  RunningEngine running(model);
  std::string numbers = "[";
  std::string data;
  for (int i = 0; i < 32; ++i) {
    const float number = static_cast<float>(i % 5) - 2;
    numbers += (i == 0 ? "" : ", ") + std::to_string(number);
    data.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  const std::string header = R"({"d":{"dtype":"F32","shape":[32],"data_offsets":[0,128]}})";
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  const auto direction = running.directions->put(file + header + data);
  const std::string site = R"({"site": "blocks.1.hook_resid_pre", "op": "add", "values": )";
  const auto named =
      running.write(job_of({5, 6}, site + R"({"name": ")" + direction->hash + "\"}}"));
  const auto given = running.write(job_of({5, 6}, site + numbers + "]}"));
  const auto plain = running.write(job_of({5, 6}, ""));
  named->wait();
  given->wait();
  plain->wait();
  REQUIRE_FALSE(named->error);
  CHECK(named->text == given->text);
  CHECK(named->text != plain->text);
  CHECK(running.error_of(job_of({5}, site + R"({"name": "xxh3:0"}})")).status() == 404);
}

TEST_CASE("spans of a request are those that its interventions choose") {
  const Model model = load(huggingface_fixture("llama"));
  RunningEngine running(model);
  const std::vector<std::int32_t> prompt = prompt_that_goes_on(model);
  const std::string edit =
      R"({"site": "blocks.1.attn.hook_z", "op": "scale", "factor": -9, "apply": )";
  TextJob job = job_of(prompt, edit + R"({"positions": {"span": "s"}}})");
  job.prompt.spans["s"] = {1, 3};
  const auto by_span = running.write(job);
  by_span->wait();
  const auto by_number =
      running.write(job_of(prompt, edit + R"({"positions": {"from": 1, "to": 3}}})"));
  by_number->wait();
  REQUIRE(by_span->end);
  CHECK(by_span->text == by_number->text);
  CHECK(by_span->tokens.front().scored.logprob ==
        Approx(by_number->tokens.front().scored.logprob).margin(1e-5));
  const auto plain = running.write(job_of(prompt, ""));
  plain->wait();
  CHECK(std::abs(plain->tokens.front().scored.logprob - by_span->tokens.front().scored.logprob) >
        1e-4);
  job.prompt.spans = {};
  CHECK_THAT(running.error_of(job).what(), contains("no span \"s\""));
  job.prompt.spans["s"] = {1, 9};
  CHECK_THAT(running.error_of(job).what(), contains("does not lie in the prompt"));
  ValuesJob look{.prompt = {.tokens = prompt}, .hooks = {"blocks.1.attn.hook_z"}};
  look.prompt.spans["s"] = {1, 3};
  look.interventions = document(edit + R"({"positions": {"span": "s"}}})");
  CHECK(running.look(look).status == 200);
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

TEST_CASE("a direction that steer fit learned is put in where it belongs, and nowhere else") {
  const Model model = load(huggingface_fixture("llama"));
  SteeringDirection direction = direction_of(model, "mean-diff", Op::add);
  direction.made = Json::object();
  direction.scores = Json::object();
  const std::string point = "blocks.1.hook_resid_post";
  std::vector<float> numbers(32, 0.0F);
  numbers[3] = 5.0F;
  direction.points.push_back({.name = point, .values = at::tensor(numbers)});
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("headscope-upload-{}", ::getpid());
  std::filesystem::create_directories(folder);
  write_direction(direction, {}, folder);
  const auto text_of = [&](const char* name) {
    std::ifstream in(folder / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  Json description = Json::parse(text_of("direction.json"));
  const std::string values = text_of("values.safetensors");
  std::filesystem::remove_all(folder);

  RunningEngine running(model);
  const auto learned = running.engine.read_direction(description, values);
  running.directions->put(
      {.hash = "xxh3:1", .shape = {}, .numbers = {}, .learned = learned, .learned_bytes = 1});
  const std::vector<std::int32_t> prompt = prompt_that_goes_on(model);
  const auto edit = [&](const std::string& site, const std::string& op) {
    return R"({"site": ")" + site + R"(", "op": ")" + op + R"(", "values": )";
  };
  const auto steered = running.write(job_of(prompt, edit(point, "add") + R"({"name": "xxh3:1"}})"));
  steered->wait();
  const auto by_hand =
      running.write(job_of(prompt, edit(point, "add") + Json(numbers).dump() + "}"));
  by_hand->wait();
  REQUIRE(steered->end);
  CHECK(steered->text == by_hand->text);
  CHECK(steered->tokens.front().scored.logprob == by_hand->tokens.front().scored.logprob);
  const auto error = [&](const std::string& site, const std::string& op) {
    return std::string(
        running.error_of(job_of(prompt, edit(site, op) + R"({"name": "xxh3:1"}})")).what());
  };
  CHECK_THAT(error("blocks.0.hook_resid_post", "add"), contains("has nothing for"));
  CHECK_THAT(error(point, "replace"), contains("its op is \"add\""));
  CHECK_THROWS_WITH(running.engine.read_direction(description, values + "x"),
                    contains("not the values that direction.json describes"));
  description["model"]["weights_hash"] = "xxh3:0";
  CHECK_THROWS_WITH(running.engine.read_direction(description, values),
                    contains("learned from another model"));
  description["version"] = 2;
  CHECK_THROWS_WITH(running.engine.read_direction(description, values),
                    contains("not a direction of version 1"));
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
