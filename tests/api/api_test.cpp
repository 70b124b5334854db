// The API with an engine that has no model: what is read, what is answered, what is refused.
#include "cli/api/api.h"

#include "cli/http/http_error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "tests/api/fake_engine.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

struct TestApi {
  FakeEngine engine;
  Api api{
      engine, std::make_shared<Directions>(1000), ApiOptions{.limits = {.edits = 2}, .seed = 5}};
  std::vector<HttpRoute> routes = api_routes(api);

  // What the route makes of a body; an error as the server would answer it.
  std::shared_ptr<FakeExchange> post(const std::string& path, const std::string& body) {
    auto exchange =
        std::make_shared<FakeExchange>(HttpRequest{.method = "POST", .path = path, .body = body});
    try {
      find_route(routes, "POST", path).handle(exchange);
    } catch (...) {
      exchange->reply(response_to(std::current_exception()));
    }
    return exchange;
  }

  Json error(const std::string& path, const std::string& body, int status) {
    const auto exchange = post(path, body);
    CAPTURE(path, body);
    REQUIRE(exchange->replies.size() == 1);
    CHECK(exchange->replies[0].status == status);
    return Json::parse(exchange->replies[0].body)["error"];
  }
};

JobToken token(const std::string& text, double logprob) {
  return {.scored = {.piece = text, .logprob = logprob},
          .top = {{.piece = "x", .logprob = -0.5}},
          .text = text};
}

TextEnd finished(const std::string& rest) {
  return {.reason = "stop", .text = rest, .prompt_tokens = 3, .written_tokens = 2};
}

std::vector<Json> events(const std::string& streamed) {
  std::vector<Json> all;
  std::size_t at = streamed.find("data: ");
  while (at != std::string::npos) {
    const std::size_t end = streamed.find("\n\n", at);
    const std::string data = streamed.substr(at + 6, end - at - 6);
    all.push_back(data == "[DONE]" ? Json(data) : Json::parse(data));
    at = streamed.find("data: ", end);
  }
  return all;
}

const std::string kCompletions = "/v1/completions";
const std::string kChat = "/v1/chat/completions";

// A safetensors file of one tensor.
std::string safetensors(const std::string& dtype, const std::string& data) {
  const std::string header = R"({"d":{"dtype":")" + dtype + R"(","shape":[)" +
                             std::to_string(data.size() / 4) + R"(],"data_offsets":[0,)" +
                             std::to_string(data.size()) + "]}}";
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  return file + header + data;
}

}  // namespace

TEST_CASE("a completion is asked of the engine as the client said it") {
  TestApi test;
  test.post(kCompletions,
            R"({"model": "tiny", "prompt": "Hi", "max_tokens": 3, "temperature": 0, "top_p": 0.5,
                "top_k": 4, "min_p": 0.1, "repetition_penalty": 1.5, "seed": 9, "stop": ["a", "b"],
                "logprobs": 2, "user": "me", "n": 1, "presence_penalty": 0, "suffix": null})");
  REQUIRE(test.engine.jobs().size() == 1);
  const TextJob job = test.engine.jobs()[0].job;
  CHECK(job.prompt.text == "Hi");
  CHECK(job.most_tokens == 3);
  CHECK(job.temperature == 0);
  CHECK(job.top_p == 0.5);
  CHECK(job.top_k == 4);
  CHECK(job.min_p == 0.1);
  CHECK(job.repetition_penalty == 1.5);
  CHECK(job.seed == 9);
  CHECK(job.stops == std::vector<std::string>{"a", "b"});
  CHECK(job.top_logprobs == 2);
  CHECK(job.interventions.is_null());
  test.post(kCompletions, R"({"prompt": [1, 2]})");
  CHECK(test.engine.jobs()[1].job.prompt.tokens == std::vector<std::int32_t>{1, 2});
  CHECK(test.engine.jobs()[1].job.seed == 5);
  CHECK(test.engine.jobs()[1].job.most_tokens == 16);
}

TEST_CASE("a completion is answered when it is whole") {
  TestApi test;
  const auto exchange = test.post(kCompletions, R"({"prompt": "Hi", "logprobs": 1})");
  const auto listener = test.engine.jobs().at(0).listener;
  listener->wrote(token("a", -1));
  listener->wrote(token("\xff", -2));
  CHECK(exchange->replies.empty());
  listener->ended(finished("z"));
  REQUIRE(exchange->replies.size() == 1);
  const Json json = Json::parse(exchange->replies[0].body);
  CHECK(json["object"] == "text_completion");
  CHECK(json["model"] == "tiny");
  CHECK(json["choices"][0]["finish_reason"] == "stop");
  CHECK(json["choices"][0]["text"] == "a\xEF\xBF\xBDz");
  CHECK(json["choices"][0]["logprobs"]["tokens"] == Json({"a", "bytes:\\xff"}));
  CHECK(json["choices"][0]["logprobs"]["token_logprobs"] == Json({-1.0, -2.0}));
  CHECK(json["choices"][0]["logprobs"]["top_logprobs"][0] == Json({{"x", -0.5}}));
  CHECK(json["usage"]["total_tokens"] == 5);
  CHECK_FALSE(json.contains("baseline"));
}

TEST_CASE("a chat streams both texts as they come") {
  TestApi test;
  const auto exchange = test.post(kChat, R"({"messages": [{"role": "user", "content": "Hi"}],
      "stream": true, "stream_options": {"include_usage": true}, "return": ["baseline"],
      "interventions": {"version": 1, "interventions": [{"site": "s", "op": "zero"}]}})");
  const auto jobs = test.engine.jobs();
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].job.interventions["interventions"][0]["site"] == "s");
  CHECK(jobs[1].job.interventions.is_null());
  CHECK(jobs[0].job.prompt.messages[0]["content"] == "Hi");
  jobs[0].listener->wrote(token("a", -1));
  jobs[1].listener->wrote(token("b", -1));
  jobs[1].listener->ended(finished(""));
  CHECK_FALSE(exchange->ended);
  jobs[0].listener->ended(finished("c"));
  CHECK(exchange->ended);
  CHECK(exchange->streamed.starts_with("text/event-stream\n"));
  const auto all = events(exchange->streamed);
  REQUIRE(all.size() == 7);
  CHECK(all[0]["choices"][0]["delta"]["role"] == "assistant");
  CHECK(all[1]["choices"][0]["delta"]["content"] == "a");
  CHECK(all[1]["object"] == "chat.completion.chunk");
  CHECK(all[2]["choices"].empty());
  CHECK(all[2]["baseline"]["delta"]["content"] == "b");
  CHECK(all[3]["baseline"]["finish_reason"] == "stop");
  CHECK(all[4]["choices"][0]["delta"]["content"] == "c");
  CHECK(all[4]["choices"][0]["finish_reason"] == "stop");
  CHECK(all[5]["usage"]["completion_tokens"] == 2);
  CHECK(all[6] == "[DONE]");
}

TEST_CASE("what fails is an error, in the stream if it has begun, and the other text is dropped") {
  TestApi test;
  const std::string body = R"({"prompt": "Hi", "stream": true, "return": ["baseline"],
      "interventions": {"version": 1, "interventions": []}})";
  const auto before = test.post(kCompletions, body);
  test.engine.jobs()[0].listener->failed(HttpError(400, "no such head"));
  REQUIRE(before->replies.size() == 1);
  CHECK(before->replies[0].status == 400);
  CHECK(test.engine.cancelled() == std::vector<std::uint64_t>{0, 1});
  const auto within = test.post(kCompletions, body);
  test.engine.jobs()[2].listener->wrote(token("a", -1));
  test.engine.jobs()[3].listener->failed(HttpError(400, "it changed nothing"));
  CHECK(within->replies.empty());
  CHECK(within->ended);
  CHECK(events(within->streamed).back()["error"]["message"] == "it changed nothing");
}

TEST_CASE("texts of a client that left are cancelled") {
  TestApi test;
  const auto exchange = test.post(kCompletions, R"({"prompt": "Hi"})");
  exchange->gone();
  exchange->gone();
  CHECK(test.engine.cancelled() == std::vector<std::uint64_t>{0});
  TestApi full;
  full.engine.full_at = 2;
  const Json error = full.error(kCompletions,
                                R"({"prompt": "Hi", "return": "baseline",
                                    "interventions": {"version": 1, "interventions": []}})",
                                429);
  CHECK(error["code"] == "queue_full");
  CHECK(full.engine.cancelled() == std::vector<std::uint64_t>{0});
}

TEST_CASE("a body that is wrong is refused with what is wrong in it") {
  struct Case {
    std::string path;
    std::string body;
    int status;
    std::string word;
  };
  const std::string edit = R"({"site": "s", "op": "zero"})";
  const std::vector<Case> cases{
      {kCompletions, "", 400, "malformed JSON"},
      {kCompletions, "[]", 400, "not a JSON object"},
      {kCompletions, R"({"prompt": "Hi)", 400, "malformed JSON"},
      {kCompletions, "{\"prompt\": \"\xff\"}", 400, "malformed JSON"},
      {kCompletions, R"({"prompt": "Hi", "temperature": NaN})", 400, "malformed JSON"},
      {kCompletions, R"({"prompt": "Hi", "temperature": 1e999})", 400, "malformed JSON"},
      {kCompletions, std::string(600, '['), 400, "nested deeper"},
      {kCompletions, "{}", 400, "\"prompt\" is missing"},
      {kCompletions, R"({"prompt": []})", 400, "a text or a list of token ids"},
      {kCompletions, R"({"prompt": [-1]})", 400, "\"prompt\" is not"},
      {kCompletions, R"({"prompt": ["a", "b"]})", 400, "several requests"},
      {kCompletions, R"({"prompt": "Hi", "promt": 1})", 400, "did you mean prompt"},
      {kCompletions, R"({"prompt": "Hi", "n": 2})", 400, "only one text"},
      {kCompletions, R"({"prompt": "Hi", "max_tokens": 0})", 400, "from 1 to 4096"},
      {kCompletions, R"({"prompt": "Hi", "max_tokens": 5000})", 400, "from 1 to 4096"},
      {kCompletions, R"({"prompt": "Hi", "temperature": -1})", 400, "\"temperature\""},
      {kCompletions, R"({"prompt": "Hi", "top_p": 0})", 400, "\"top_p\" is not a number above 0"},
      {kCompletions, R"({"prompt": "Hi", "stop": [""]})", 400, "\"stop\""},
      {kCompletions, R"({"prompt": "Hi", "stream": "yes"})", 400, "true or false"},
      {kCompletions, R"({"prompt": "Hi", "return": "all"})", 400, "\"return\""},
      {kCompletions, R"({"prompt": "Hi", "return": "baseline"})", 400, "without interventions"},
      {kCompletions, R"({"prompt": "Hi", "model": "gpt-9"})", 404, "runs \"tiny\""},
      {kCompletions, R"({"prompt": "Hi", "interventions": []})", 400, "a document"},
      {kCompletions,
       R"({"prompt": "Hi", "interventions": {"interventions": [)" + edit + "," + edit + "," + edit +
           "]}}",
       413,
       "3 interventions are more than the 2"},
      {kCompletions,
       R"({"prompt": "Hi", "interventions": {"interventions": [{"values": {"trace": "/etc"}}]}})",
       400,
       "not for clients"},
      {kCompletions,
       R"({"prompt": "Hi", "interventions": {"interventions": [{"values": {"npy": "/etc"}}]}})",
       400,
       "not for clients"},
      {kCompletions,
       R"({"prompt": "Hi", "interventions": {"interventions": [{"a": [{"direction": "/etc"}]}]}})",
       400,
       "not for clients"},
      {kCompletions,
       R"({"prompt": "Hi", "interventions": {"interventions": [{"values": {"direction": "x"}}]}})",
       404,
       "no direction x"},
      {kCompletions, R"({"prompt": ")" + std::string(1 << 21, 'x') + "\"}", 413, "prompt of"},
      {kChat, R"({"prompt": "Hi"})", 400, "\"messages\""},
      {kChat, R"({"messages": [{"content": "Hi"}]})", 400, "message 0: \"role\""},
      {kChat, R"({"messages": [{"role": "user", "content": 3}]})", 400, "message 0: \"content\""},
      {kChat,
       R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})",
       400,
       "message 0: \"content\""},
      {"/v1/activations", R"({"prompt": "Hi"})", 400, "\"hooks\""},
      {"/v1/activations",
       R"({"prompt": "Hi", "hooks": ["h"], "encoding": "f64"})",
       400,
       "encoding"},
      {"/v1/activations", R"({"prompt": "Hi", "hooks": ["h"], "heads": []})", 400, "\"heads\""},
      {"/v1/attention", R"({"prompt": "Hi", "show": "all"})", 400, "\"show\""},
      {"/v1/directions", "short", 400, "the body"},
      {kCompletions, R"({"prompt": [-1]})", 400, "whole numbers from 0 on, not -1"},
      {kCompletions, R"({"prompt": [1.5]})", 400, "whole numbers from 0 on, not 1.5"},
      {kCompletions, R"({"prompt": [[1], [2]]})", 400, "one list of token ids"},
  };
  TestApi test;
  for (const Case& each : cases) {
    const Json error = test.error(each.path, each.body, each.status);
    CHECK_THAT(error["message"].get<std::string>(), contains(each.word));
    CHECK(error["code"].is_string());
  }
  CHECK(test.engine.jobs().empty());
}

TEST_CASE("an error names the key at fault and has a code, as clients of the OpenAI API expect") {
  struct Case {
    std::string path;
    std::string body;
    Json param;
    std::string code;
  };
  const std::vector<Case> cases{
      {kCompletions, "{}", "prompt", "missing_required_parameter"},
      {kChat, "{}", "messages", "missing_required_parameter"},
      {kChat, R"({"messages": [{"role": "user"}]})", "content", "missing_required_parameter"},
      {kCompletions, R"({"prompt": "Hi", "seed": -1})", "seed", "invalid_parameter"},
      {kCompletions, R"({"prompt": "Hi", "promt": 1})", "promt", "unknown_parameter"},
      {kCompletions, R"({"prompt": "Hi", "n": 2})", "n", "unsupported_parameter"},
      {kCompletions, R"({"prompt": "Hi", "hooks": ["h"]})", "hooks", "invalid_parameter"},
      {kCompletions, R"({"prompt": "Hi", "return": "baseline"})", "return", "invalid_parameter"},
      {kCompletions, "{", nullptr, "malformed_json"},
  };
  TestApi test;
  for (const Case& each : cases) {
    CAPTURE(each.body);
    const Json error = test.error(each.path, each.body, 400);
    CHECK(error["type"] == "invalid_request_error");
    CHECK(error["param"] == each.param);
    CHECK(error["code"] == each.code);
    CHECK_THAT(error["message"].get<std::string>(), !contains("json.exception"));
  }
  CHECK(test.error(kCompletions, R"({"prompt": "Hi", "model": "gpt-9"})", 404)["param"] == "model");
}

TEST_CASE("directions are named by what is in them") {
  TestApi test;
  const std::string file = safetensors("F32", std::string("\0\0\x80\x3f\0\0\0\xc0", 8));
  const auto exchange = test.post("/v1/directions", file);
  REQUIRE(exchange->replies[0].status == 200);
  const std::string hash = Json::parse(exchange->replies[0].body)["direction"];
  CHECK(hash.starts_with("xxh3:"));
  CHECK(test.api.directions->find(hash)->numbers == std::vector<float>{1.0F, -2.0F});
  CHECK(test.api.directions->find(hash)->shape == std::vector<std::int64_t>{2});
  test.post("/v1/directions", file);
  CHECK(test.api.directions->size() == 1);
  test.post(kCompletions,
            R"({"prompt": "Hi", "interventions": {"interventions": [{"values": {"direction": ")" +
                hash + "\"}}]}}");
  CHECK(test.engine.jobs().at(0).job.interventions["interventions"][0]["values"] ==
        Json({{"name", hash}}));
  const std::string not_finite = safetensors("F32", std::string("\0\0\x80\x7f", 4));
  CHECK(test.error("/v1/directions", not_finite, 400)["message"] ==
        "the tensor has numbers that are not finite");
  const std::string wrong = safetensors("I32", std::string(4, '\0'));
  CHECK_THAT(test.error("/v1/directions", wrong, 400)["message"].get<std::string>(),
             contains("I32"));
  // Kept are the latest that fit into 1000 bytes.
  test.error("/v1/directions", safetensors("F32", std::string(1004, '\0')), 413);
  test.post("/v1/directions", safetensors("F32", std::string(996, '\0')));
  CHECK(test.api.directions->size() == 1);
  CHECK(test.api.directions->find(hash) == nullptr);
}

TEST_CASE("what steer fit learned is uploaded as its two files") {
  TestApi test;
  const auto upload = [&](const std::string& body) {
    auto exchange = std::make_shared<FakeExchange>(HttpRequest{.method = "POST",
                                                               .path = "/v1/directions",
                                                               .content_type = "application/json",
                                                               .body = body});
    try {
      find_route(test.routes, "POST", "/v1/directions").handle(exchange);
    } catch (...) {
      exchange->reply(response_to(std::current_exception()));
    }
    return Json::parse(exchange->replies.at(0).body);
  };
  const std::string files =
      R"({"direction": {"version": 1, "points": [{"point": "blocks.1.hook_resid_post"}]},)";
  const Json told = upload(files + R"("values": "AAEC"})");
  CHECK(told["points"] == Json({"blocks.1.hook_resid_post"}));
  const auto kept = test.api.directions->find(told["direction"].get<std::string>());
  REQUIRE(kept);
  CHECK(kept->learned);
  CHECK(kept->learned_bytes > 60);
  CHECK(upload(files + R"("values": "AAED"})")["direction"] != told["direction"]);
  const auto message = [&](const std::string& body) {
    return upload(body)["error"]["message"].get<std::string>();
  };
  CHECK_THAT(message(files + R"("values": "A*EC"})"), contains("\"values\" is not"));
  CHECK_THAT(message(R"({"values": "AAEC"})"), contains("\"direction\" is not"));
  CHECK_THAT(message(R"({"direction": {"version": 2}, "values": "AAEC"})"),
             contains("not a direction of version 1"));
  CHECK_THAT(message(files + R"("values": "AAEC", "path": "/etc"})"), contains("unknown key"));
}

TEST_CASE("spans are named token ranges") {
  TestApi test;
  test.post(kCompletions, R"({"prompt": [5, 6, 7], "spans": {"subject": [1, 3]}})");
  CHECK(test.engine.jobs().at(0).job.prompt.spans.at("subject") == Span{1, 3});
  for (const std::string spans :
       {"[1, 3]", R"({"s": [3, 1]})", R"({"s": [-1, 3]})", R"({"s": [1, 1]})", R"({"s": 1})"}) {
    const Json error = test.error(kCompletions, R"({"prompt": [5], "spans": )" + spans + "}", 400);
    CHECK_THAT(error["message"].get<std::string>(), contains("\"spans\" is not named token"));
  }
}

TEST_CASE("metrics are lines that Prometheus reads") {
  TestApi test;
  test.api.answers.add("/v1/models", 200);
  test.api.answers.add("/v1/models", 200);
  test.api.answers.add("", 404);
  auto exchange = std::make_shared<FakeExchange>(HttpRequest{.method = "GET", .path = "/metrics"});
  find_route(test.routes, "GET", "/metrics").handle(exchange);
  const std::string text = exchange->replies.at(0).body;
  CHECK_THAT(text,
             contains("headscope_http_answers_total{path=\"/v1/models\",status=\"200\"} 2\n"));
  CHECK_THAT(text, contains("{path=\"other\",status=\"404\"} 1\n"));
  CHECK_THAT(text, contains("# TYPE headscope_written_tokens_total counter\n"));
  CHECK_THAT(text, contains("\nheadscope_written_tokens_total 7\n"));
  CHECK(resident_memory() > 1'000'000);
}
