// A compiled program says what the program does, for every prompt of few words.
#include <algorithm>
#include <utility>

#include "analyses/known_models/models/compiled.h"
#include "lib/model/model.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

// All prompts of up to `most` words, and some of the full length.
std::vector<std::vector<std::string>> prompts_of(const CompiledProgram& compiled,
                                                 std::size_t most) {
  std::vector<std::vector<std::string>> all{{}};
  std::vector<std::vector<std::string>> last = all;
  while (last.front().size() < most) {
    std::vector<std::vector<std::string>> longer;
    for (const auto& prompt : last) {
      for (const std::string& word : compiled.alphabet) {
        longer.push_back(prompt);
        longer.back().push_back(word);
      }
    }
    all.insert(all.end(), longer.begin(), longer.end());
    last = std::move(longer);
  }
  all.erase(all.begin());
  return all;
}

std::string said_by(const Model& model,
                    const std::vector<std::string>& words,
                    const std::vector<std::string>& prompt) {
  std::vector<std::int32_t> tokens{0};
  for (const std::string& word : prompt) {
    tokens.push_back(
        static_cast<std::int32_t>(std::find(words.begin(), words.end(), word) - words.begin()));
  }
  const Tensor logits = model.forward(Batch({tokens}), {.logits = Logits::last}).logits[0];
  const auto best = logits.argmax().item<std::int64_t>();
  CHECK(logits[best].item<double>() > 9.0);  // 10 and nothing else
  return words.at(static_cast<std::size_t>(best));
}

}  // namespace

TEST_CASE("a compiled program gives what the program gives on all short inputs") {
  for (const CompiledProgram& compiled : compiled_programs()) {
    const KnownModelParts parts = compiled.program.compile();
    Model::Parts whole{};
    whole.config = parts.config;
    whole.weights = parts.weights;
    const Model model(std::move(whole));
    const std::size_t most = compiled.alphabet.size() > 2 ? 4 : compiled.most_words;
    for (const auto& prompt : prompts_of(compiled, most)) {
      CAPTURE(compiled.name, prompt);
      REQUIRE(said_by(model, parts.words, prompt) == compiled.program.run(prompt));
    }
  }
}

TEST_CASE("programs do what their names say") {
  const auto run = [](const std::string& name, const std::vector<std::string>& prompt) {
    for (const CompiledProgram& compiled : compiled_programs()) {
      if (compiled.name == name) {
        return compiled.program.run(prompt);
      }
    }
    return std::string("no such program");
  };
  CHECK(run("histogram", {"a", "b", "a", "c", "a"}) == "3");
  CHECK(run("reverse", {"d", "b", "a"}) == "d");
  CHECK(run("sort", {"d", "b", "a"}) == "d");
  CHECK(run("sort", {"b", "b", "a"}) == "b");
  CHECK(run("fraction-previous", {"x", "o", "x", "x"}) == "3/4");
  CHECK(run("brackets", {"(", ")", "(", "(", ")", ")"}) == "yes");
  CHECK(run("brackets", {")", "("}) == "no");
  CHECK(run("brackets", {"(", "(", ")"}) == "no");
}

TEST_CASE("an edge stands where one part writes what another reads") {
  for (const CompiledProgram& compiled : compiled_programs()) {
    if (compiled.name == "brackets") {
      const KnownTruth truth = compiled.program.compile().truth;
      CHECK(truth.edges == std::vector<std::string>{"a0.h0->m0",
                                                    "a1.h0->m1",
                                                    "input->a0.h0<v>",
                                                    "m0->a1.h0<v>",
                                                    "m0->m2",
                                                    "m1->m2",
                                                    "m2->logits"});
    }
  }
}
