// A measurement as files: gone on with after a stop, it holds what one that was never stopped does.
#include "analyses/operators/operator_measure.h"

#include "analyses/operators/operator_summary.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::vector<Prompt> two_texts() {
  return {{.id = "a", .text = {}, .tokens = {5, 9, 7, 3, 8, 6, 4, 11}, .spans = {}},
          {.id = "b", .text = {}, .tokens = {9, 4, 7, 6, 3, 8}, .spans = {}}};
}

OperatorMeasureRun run_into(const Model& model,
                            const std::vector<Prompt>& texts,
                            const std::string& out) {
  return {.model = model,
          .prompts = texts,
          .choice = parse_operator("window:local=2"),
          .out = out,
          .provenance = provenance(model, {})};
}

}  // namespace

TEST_CASE("a measurement that was stopped goes on to the values of one that was not") {
  const Folder folder;
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const std::vector<Prompt> texts = two_texts();
  REQUIRE(measure_operator(run_into(model, texts, folder / "whole.h5")));
  OperatorMeasureRun parts = run_into(model, texts, folder / "parts.h5");
  int asked = 0;
  parts.stop = [&] { return ++asked > 1; };  // after one layer of the first text
  CHECK_FALSE(measure_operator(parts));
  CHECK_THROWS_WITH(summarize(read_operator_results(folder / "parts.h5")),
                    contains("not finished"));
  parts.stop = {};
  parts.if_exists = IfExists::resume;
  REQUIRE(measure_operator(parts));
  const OperatorResults whole = read_operator_results(folder / "whole.h5");
  const OperatorResults resumed = read_operator_results(folder / "parts.h5");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK(whole[i].per_prompt == resumed[i].per_prompt);
    CHECK(whole[i].clean == resumed[i].clean);
  }
  OperatorMeasureRun other = parts;
  other.choice = parse_operator("window:local=3");
  CHECK_THROWS_WITH(measure_operator(other), contains("window:local=2"));
  const OperatorSummary summary = summarize(whole);
  CHECK(summary.agreement.size() == 4);
  CHECK(summary.of(OperatorMeasure::retained)[{0, 0}] < 1.0);
}
