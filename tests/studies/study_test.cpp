// Studies: steps that are remembered, and what methods are judged by.
#include <set>

#include "analyses/edges/circuit_method.h"
#include "analyses/studies/circuit_input.h"
#include "analyses/studies/head_finders.h"
#include "analyses/studies/reference_circuits.h"
#include "analyses/studies/study_run.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

int runs_of_counting = 0;

std::vector<StudyStep> counting_steps(const Model&, const StudyOptions&) {
  std::vector<StudyStep> steps;
  for (int i = 0; i < 3; ++i) {
    steps.push_back({std::to_string(i), "a step", [i] {
                       ++runs_of_counting;
                       return Json{{"value", i}};
                     }});
  }
  return steps;
}

StudyResult counting_result(const Model&, const StudyOptions&, const StudyFindings& found) {
  int sum = 0;
  for (const auto& [key, step] : found) {
    sum += step["value"].get<int>();
  }
  return {.verdict = std::to_string(sum), .tables = {}, .curves = {}};
}

const Study kCounting{.name = "counting",
                      .title = "",
                      .source = "",
                      .published = {},
                      .steps = counting_steps,
                      .result = counting_result};

}  // namespace

TEST_CASE("a study that was stopped goes on with the steps it has, and with no others") {
  const Model model = load(huggingface_fixture("llama"));
  const TempFolder folder;
  StudyOptions options;
  int asked = 0;
  options.stop = [&] { return ++asked > 2; };
  StudyLogOptions log{.path = folder.file("steps.jsonl"),
                      .identity = study_identity(kCounting, options, Json("m")),
                      .if_exists = IfExists::replace,
                      .progress = {}};
  runs_of_counting = 0;
  CHECK_THROWS_AS(run_study(kCounting, model, options, log), Interrupted);
  CHECK(runs_of_counting == 2);
  options.stop = {};
  log.if_exists = IfExists::resume;
  CHECK(run_study(kCounting, model, options, log).verdict == "3");
  CHECK(runs_of_counting == 3);
  CHECK(run_study(kCounting, model, options, log).verdict == "3");
  CHECK(runs_of_counting == 3);

  options.items = 7;
  log.identity = study_identity(kCounting, options, Json("m"));
  CHECK_THROWS_AS(run_study(kCounting, model, options, log), UsageError);
  log.if_exists = IfExists::replace;
  CHECK(run_study(kCounting, model, options, log).verdict == "3");
  CHECK(runs_of_counting == 6);
}

TEST_CASE("reference circuits are heads of their models, each once, and not all of them") {
  for (const ReferenceCircuit& each : all_reference_circuits()) {
    CAPTURE(each.model, each.circuit);
    const HeadGrid grid{each.n_layers, each.n_heads};
    for (const HeadId& head : each.heads) {
      CHECK(grid.contains(head));
    }
    CHECK(std::set<HeadId>(each.heads.begin(), each.heads.end()).size() == each.heads.size());
    CHECK(each.heads.size() < grid.size() / 4 + 1);
    CHECK_FALSE(each.found_by.empty());
    CHECK_NOTHROW(find_reproduction(each.circuit));
  }
  CHECK(reference_circuits_of(load(huggingface_fixture("llama")).config()).empty());
  ModelConfig smollm2;
  smollm2.family = "llama";
  smollm2.n_layers = 30;
  smollm2.n_heads = 9;
  smollm2.d_model = 576;
  std::set<std::string> kept;
  for (const ReferenceCircuit& each : reference_circuits_of(smollm2)) {
    kept.insert(each.circuit);
  }
  CHECK(kept == std::set<std::string>{"ioi", "greater-than", "docstring"});
}

TEST_CASE("heads of a known circuit are found by patching and missed by random scores") {
  const KnownCircuit known(known_model("ioi-toy"));
  const auto area = [&](const char* method) {
    return judged_by_method(
               find_circuit_method(method), known.input.context, {}, known.heads)["auc"]
        .get<double>();
  };
  CHECK(area("patch") == 1.0);
  CHECK(area("acdc") == 1.0);
  CHECK(area("random") < 0.95);
}

TEST_CASE("codes are judged by nodes and edges, and say where there is nothing to tell apart") {
  const KnownCircuit known(known_model("copy"));
  CodeCircuitOptions codes{.scale = CodeScale::rms};
  codes.sae.epochs = 20;
  const Json found = judged_by_codes(known.input.model, known.input.task, codes, known.heads, {});
  CHECK(found["nodes"].is_number());
  CHECK(found["edges"].is_number());
  CHECK(found["prompts"] == known.input.task.items.size());
  const std::vector<HeadId> all = head_grid(known.input.model.config()).heads();
  CHECK(judged_by_codes(known.input.model, known.input.task, codes, all, {})["nodes"].is_null());
}

TEST_CASE("the sweep of ACDC over the backup model never keeps its inhibitor") {
  const Model model = load(huggingface_fixture("llama"));
  const StudyOptions options;
  const Study& acdc = *find_study("acdc");
  for (const StudyStep& step : acdc.steps(model, options)) {
    if (step.key == "known/backup") {
      const Json found = step.run();
      CHECK(found["logit_diff"]["never_kept"] == Json::array({"a0.h0->a1.h0<q>"}));
      CHECK(found["logit_diff"]["sweep"].size() == 21);
      // [threshold, edges, true rate, false rate]: six of seven edges at the lowest threshold.
      CHECK(found["logit_diff"]["sweep"][0][1] == 6);
      CHECK(found["logit_diff"]["sweep"][0][3] == 0);
      return;
    }
  }
  FAIL("no such step");
}

TEST_CASE("a study's tasks are those there are") {
  StudyOptions options;
  CHECK(study_tasks(options).size() == 3);
  options.tasks = {"docstring"};
  CHECK(study_tasks(options).front()->name == "docstring");
  options.tasks = {"docstrings"};
  CHECK_THROWS_AS(study_tasks(options), UsageError);
}
