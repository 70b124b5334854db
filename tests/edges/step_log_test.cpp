// Searches that are stopped, and go on.
#include "analyses/edges/step_log.h"

#include <cmath>
#include <filesystem>
#include <fstream>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/circuit_values.h"
#include "lib/base/error.h"
#include "tests/edges/edge_fixtures.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("patch and acdc go on where they were stopped, and find the same") {
  const EdgeFixture fixture(load(huggingface_fixture("gpt2")),
                            CircuitAblation::corrupted,
                            {.lengths = {5, 5}, .differ_from = {2, 3}});
  const TempFolder folder;
  for (const char* name : {"patch", "acdc"}) {
    CAPTURE(name);
    const CircuitMethod& method = find_circuit_method(name);
    CircuitSettings settings{.thresholds = {0.01, 0.1}};
    const auto scores = [&](CircuitSettings with) {
      return circuit_scores(method, CircuitLevel::edge, fixture.context, with);
    };
    const std::vector<double> whole = scores(settings);
    const auto path = folder.file(std::string(name) + ".jsonl");
    const Json identity{{"method", name}};
    int rounds = 0;
    {
      StepLog log(path, identity, IfExists::fail);
      CircuitSettings stopped = settings;
      stopped.log = &log;
      stopped.stop = [&] { return ++rounds > 2; };
      CHECK(scores(stopped).empty());
    }
    // A kill may cut the last line short.
    std::ofstream(path, std::ios::app) << R"({"values": [0.1, )";
    {
      StepLog log(path, identity, IfExists::resume);
      CHECK(log.left() == 3);  // the whole model, and two rounds
      CircuitSettings resumed = settings;
      resumed.log = &log;
      CHECK(scores(resumed) == whole);
      CHECK(log.left() == 0);
    }
    {  // What was finished is never run again: numbers that were kept decide.
      StepLog log(path, identity, IfExists::resume);
      CHECK(log.step(1, [] { return std::vector<double>{7.0}; }) != std::vector<double>{7.0});
      CHECK_THROWS_AS(log.step(1, [] { return std::vector<double>{7.0}; }), DataError);
    }
    CHECK_THROWS_WITH(StepLog(path, {{"method", "other"}}, IfExists::resume), contains("method"));
    StepLog log(path, identity, IfExists::resume);
    log.discard();
    CHECK_FALSE(std::filesystem::exists(path));
  }
}

TEST_CASE("values of circuits are kept batch by batch, and those that are no number too") {
  const EdgeFixture fixture(load(huggingface_fixture("gpt2")), CircuitAblation::zero);
  const TempFolder folder;
  const auto path = folder.file("eval.jsonl");
  const std::vector<EdgeSet> circuits{all_edges(fixture.context.graph),
                                      no_edges(fixture.context.graph)};
  const auto plain = circuit_values(fixture.context, circuits, {});
  {
    StepLog log(path, {}, IfExists::fail);
    CHECK(circuit_values(fixture.context, circuits, {.log = &log}) == plain);
    log.step(1, [] { return std::vector<double>{std::nan("")}; });
  }
  StepLog log(path, {}, IfExists::resume);
  CHECK(circuit_values(fixture.context, circuits, {.log = &log}) == plain);
  CHECK(log.left() == 1);
  CHECK(std::isnan(log.step(1, [] { return std::vector<double>{0.0}; }).front()));
}
