// What ends a response, and rows of a model to which no token of its tokenizer belongs.
#include <fstream>

#include "analyses/head_detectors/token_sample.h"
#include "analyses/retrieval/response.h"
#include "hooks/prompts.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Writes a file of a model's folder anew; the one there is a link to the fixture's.
void rewrite(const EditedModel& model, const char* name, const Json& content) {
  std::filesystem::remove(model.path() / name);
  std::ofstream(model.path() / name) << content.dump();
}

// The fixture llama, whose model has 288 rows, without the tokens "store" (287) and <|pad|> (0).
void remove_tokens(const EditedModel& model) {
  Json file = read_json(model.path() / "tokenizer.json");
  file["model"]["vocab"].erase("store");
  file["model"]["vocab"].erase("<|pad|>");
  file["model"]["merges"].erase(file["model"]["merges"].size() - 1);  // "st" and "ore"
  file["added_tokens"].erase(file["added_tokens"].begin());
  rewrite(model, "tokenizer.json", file);
  rewrite(model, "tokenizer_config.json", Json::object());
}

}  // namespace

TEST_CASE("each id of a list in eos_token_id and generation_config.json ends a response") {
  const EditedModel files("llama", [](Json& c) { c["eos_token_id"] = {40, 41}; });
  rewrite(files, "generation_config.json", {{"eos_token_id", Json::array({42})}});
  const Model model = load_model(files.path().string());
  for (const std::int32_t token : {1, 40, 41, 42}) {  // 1 is the tokenizer's own
    CAPTURE(token);
    CHECK(ends_response(model, token));
    CHECK(response_text(model, {99, token}) == "a");
  }
  CHECK_FALSE(ends_response(model, 43));
  CHECK_FALSE(ends_response(model, 2));
}

TEST_CASE("ids without a spelling are blank pieces of a prompt and of a response") {
  const EditedModel files("llama", [](Json&) {});
  remove_tokens(files);
  const Model model = load_model(files.path().string());
  REQUIRE(model.config().d_vocab == 288);
  const auto jsonl = files.path() / "prompts.jsonl";
  std::ofstream(jsonl) << R"({"tokens": [99, 287, 0, 100]})"
                       << "\n";
  const auto prompts = read_prompts(jsonl, model, {});
  REQUIRE(prompts.size() == 1);
  CHECK(prompts[0].tokens == std::vector<std::int32_t>{99, 287, 0, 100});
  CHECK(prompts[0].pieces == std::vector<std::string>{"a", "", "", "b"});
  CHECK(prompts[0].text == "ab");
  CHECK_FALSE(ends_response(model, 0));
  CHECK_FALSE(ends_response(model, 287));
  CHECK(response_text(model, {99, 0, 287, 100}) == "ab");
  for (const std::int32_t token : sample_tokens(model, 280, 1)) {
    CHECK((token != 0 && token != 287));
  }
}
