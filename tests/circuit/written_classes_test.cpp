// Heads that write to the logits are classed by what they write, and each once.
#include "analyses/circuit/written_classes.h"

#include "tests/support/catch.h"

using namespace headscope;

namespace {

const DiscoveryStage kMovers{"name mover", "negative mover", "", HeadInput::q, "end", "end"};

std::vector<std::string> class_names(const HeadCircuit& circuit) {
  std::vector<std::string> names;
  for (const HeadClass& heads : circuit.classes) {
    names.push_back(heads.name);
  }
  return names;
}

std::vector<std::string> head_names(const std::vector<HeadId>& heads) {
  std::vector<std::string> names;
  for (const HeadId& head : heads) {
    names.push_back(to_string(head));
  }
  return names;
}

}  // namespace

TEST_CASE("a head that serves the answer is a mover only if it copies what it reads") {
  HeadCircuit found;
  found.classes = {{"name mover", "end", {{23, 3}, {23, 0}, {29, 1}}},
                   {"negative mover", "end", {{24, 4}, {20, 1}}},
                   {"S-inhibition", "end", {{23, 0}}}};
  const std::vector<HeadId> writers{{23, 3}, {23, 0}, {29, 1}, {24, 4}, {20, 1}};
  const std::vector<CopyScore> scores{{0.0, 1.0}, {1.0, 0.0}, {0.0, 0.1}, {0.0, 1.0}, {0.9, 0.0}};
  const HeadCircuit classed = classed_by_writing(found, kMovers, writers, scores);
  CHECK(class_names(classed) == std::vector<std::string>{"name mover",
                                                         "suppressor of wrong tokens",
                                                         "direct, copies nothing",
                                                         "mover of wrong tokens",
                                                         "negative mover",
                                                         "S-inhibition"});
  CHECK(head_names(classed.find("name mover")->heads) == std::vector<std::string>{"23.0"});
  CHECK(head_names(classed.find("suppressor of wrong tokens")->heads) ==
        std::vector<std::string>{"23.3"});
  CHECK(head_names(classed.find("direct, copies nothing")->heads) ==
        std::vector<std::string>{"29.1"});
  CHECK(head_names(classed.find("negative mover")->heads) == std::vector<std::string>{"24.4"});
  CHECK(head_names(classed.heads()) == head_names(found.heads()));  // none lost, none new
}

TEST_CASE("a head in two classes names the other") {
  HeadCircuit circuit;
  circuit.classes = {{"name mover", "end", {{23, 0}, {23, 1}}}, {"S-inhibition", "S2", {{23, 0}}}};
  CHECK(other_classes(circuit, circuit.classes[0], {23, 0}) ==
        std::vector<std::string>{"S-inhibition"});
  CHECK(other_classes(circuit, circuit.classes[0], {23, 1}).empty());
}

TEST_CASE("without scores, as where a circuit copies nothing, classes stay as they were found") {
  HeadCircuit found;
  found.classes = {{"greater-than", "end", {{5, 1}}}, {"opposing", "end", {{6, 2}}}};
  const HeadCircuit classed = classed_by_writing(
      found, {"greater-than", "opposing", "", HeadInput::q, "end", "end"}, {{5, 1}, {6, 2}}, {});
  CHECK(class_names(classed) == std::vector<std::string>{"greater-than", "opposing"});
}
