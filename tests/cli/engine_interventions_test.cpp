// Interventions of a server's texts: what they change, where their values come from, and whose
// error they are.
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/serve/model_engine.h"
#include "hooks/direction.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"
#include "tests/support/running_engine.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("an edit that cannot be, or does nothing, is the error of its text alone") {
  const Model model = load(huggingface_fixture("gpt2"));
  RunningEngine running(model);
  const auto good = running.write(job_of({5, 6, 7}, kEdits[1]));
  const auto message = [&](const std::string& edits) {
    const HttpError error = running.error_of(job_of({5, 6, 7}, edits));
    CHECK(error.status() == 400);
    CHECK(error.param() == "interventions");
    CHECK((error.code() == "invalid_interventions" ||
           error.code() == "intervention_changed_nothing"));
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
  CHECK_THAT(message(R"({"site": "blocks.1.attn.hook_z", "op": "zero"},
                         {"site": "blocks.1.attn.hook_z", "op": "replace", "values": [0]})"),
             contains("select the same part"));
  good->wait();
  CHECK_FALSE(good->error);
  CHECK(good->end->interventions[0]["values"] > 0);
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
