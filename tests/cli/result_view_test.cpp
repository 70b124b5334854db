// Results as people and programs read them: what undefined numbers look like, what "normalized" is.
#include "cli/sweep/result_view.h"

#include <cmath>

#include "lib/base/json.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

// Two layers of two heads; cell c moves the metric of the clean runs by −c.
Result ablation_result(std::size_t prompts) {
  Result result;
  result.header.kind = "ablate";
  result.header.metric = "logit_diff";
  result.header.axes = {{"layer", {"0", "1"}}, {"head", {"0", "1"}}};
  result.header.provenance = {
      {"identity", {{"into", "clean"}}}, {"model", "m"}, {"task", "t"}, {"title", "z ← mean"}};
  for (std::size_t i = 0; i < prompts; ++i) {
    const double own = 0.01 * static_cast<double>(i);
    result.header.prompt_ids.push_back(std::to_string(i));
    result.clean.push_back(4.0 + own);
    result.corrupted.push_back(0.0 - own);
  }
  for (int cell = 0; cell < 4; ++cell) {
    for (std::size_t i = 0; i < prompts; ++i) {
      result.per_prompt.push_back(result.clean[i] - cell);
    }
  }
  result.done = static_cast<std::int64_t>(result.per_prompt.size());
  return result;
}

bool is_identifier(const std::string& key) {
  return !key.empty() &&
         key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

void check_identifiers(const OrderedJson& json) {
  for (const auto& [key, value] : json.items()) {
    if (json.is_object()) {
      CAPTURE(key);
      CHECK(is_identifier(key));
    }
    if (value.is_structured()) {
      check_identifiers(value);
    }
  }
}

}  // namespace

TEST_CASE("keys of a result's JSON are identifiers; layers and heads are numbers") {
  const OrderedJson json = result_json(ablation_result(6), PerPrompt::told, 2);
  check_identifiers(json);
  REQUIRE(json["cells"].size() == 4);
  CHECK(json["cells"][3]["layer"] == 1);
  CHECK(json["cells"][3]["head"] == 1);
  CHECK(json["axes"][0]["labels"] == OrderedJson({0, 1}));
  CHECK(json["strongest"][0]["layer"] == 1);
  CHECK(json["strongest"][0]["head"] == 1);
  CHECK(json["strongest"][0]["standard_error"].is_number());
  CHECK(json["strongest"][0]["low"].is_number());
}

TEST_CASE("one prompt has no error and no interval: a dash in tables, null in JSON") {
  const Result one = ablation_result(1);
  const OrderedJson json = result_json(one, PerPrompt::left_out, 2);
  for (const char* key : {"standard_error", "low", "high"}) {
    CAPTURE(key);
    CHECK(json["cells"][3]["effect"][key].is_null());
    CHECK(json["baseline"]["clean"][key].is_null());
    CHECK(json["strongest"][0][key].is_null());
  }
  CHECK(json["cells"][3]["effect"]["mean"] == -3.0);
  const std::string text = result_text(one, 2);
  CHECK(text.find("nan") == std::string::npos);
  CHECK(text.find("[4.0") == std::string::npos);
  CHECK_THAT(text, contains("one item: no interval") && contains("–"));
  const Effects effects = effects_of(one);
  CHECK(std::isnan(effects.cells[3].effect.standard_error));
  CHECK_FALSE(effects.cells[3].effect.has_interval());
}

TEST_CASE("normalized is one scale; a picture says that it plots effects, and plots them") {
  const Result result = ablation_result(6);
  const Effects effects = effects_of(result);
  REQUIRE(effects.scale);
  const double whole = effects.scale->clean - effects.scale->corrupted;
  CHECK(*effects.cells[0].normalized == Approx(1.0));  // nothing changed: the clean run
  CHECK(*effects.cells[3].normalized == Approx(1.0 - 3.0 / whole));
  const HeatMap map = result_map(result, effects);
  CHECK(map.value_name == "effect / (clean − corrupted)");
  CHECK(map.values[0] == Approx(0.0));
  CHECK(map.values[3] == Approx(-3.0 / whole));
  Result flat = result;
  flat.clean = flat.corrupted;
  const Effects unscaled = effects_of(flat);
  CHECK_FALSE(unscaled.scale);
  CHECK(result_map(flat, unscaled).value_name.find("clean −") == std::string::npos);
}
