// headscope info --families, and what a user asks of an encoder.
#include <algorithm>

#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope::test;

TEST_CASE("info --families tells every family's names, and what it was measured on") {
  const Outcome text = run({"info", "--families"});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, contains("BertForMaskedLM") && contains("logits within"));
  const auto families = run({"info", "--families", "--json"}).json().at("families");
  const auto bert = std::find_if(families.begin(), families.end(), [](const auto& entry) {
    return entry["family"] == "bert";
  });
  REQUIRE(bert != families.end());
  CHECK((*bert)["model_types"][0] == "bert");
  CHECK((*bert)["verified"]["against"] == "transformers 5.23");
  CHECK((*bert)["verified"]["logits"].template get<double>() < 1e-4);
  CHECK_THAT(text.out, contains("as llama"));
  for (const auto& entry : families) {
    CAPTURE(entry["family"]);
    CHECK((entry["family"] != "mixtral" || entry["gguf_as"] == "llama"));
    CHECK(entry["verified"].is_object());
  }
}

TEST_CASE("info needs a model or --families, not both") {
  const Outcome neither = run({"info"});
  CHECK(neither.code == 2);
  CHECK_THAT(neither.err, contains("--families"));
  const Outcome both = run({"info", model_path("bert"), "--families"});
  CHECK(both.code == 2);
  CHECK_THAT(both.err, contains("MODEL"));
}

TEST_CASE("an encoder does not write on, and says what to ask it instead") {
  const Outcome written = run({"generate", model_path("bert"), "--prompt", "a"});
  CHECK(written.code != 0);
  CHECK(std::count(written.err.begin(), written.err.end(), '\n') == 1);
}
