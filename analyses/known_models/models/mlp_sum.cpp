// Two heads fetch the summands, an MLP looks up their sum mod 4: "2 plus 3 is" → "1".
#include "analyses/known_models/models.h"
#include "analyses/known_models/words.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

const std::vector<std::string> kMlpSumNumbers{"0", "1", "2", "3"};
constexpr std::size_t kMlpSumModulus = 4;

std::string sum_word(std::size_t a, std::size_t b) {
  return kMlpSumNumbers[(a + b) % kMlpSumModulus];
}

// Every pair of summands, one of the two changed.
std::vector<KnownItem> mlp_sum_items() {
  Random random(0, "mlp-sum");
  std::vector<KnownItem> list;
  for (std::size_t a = 0; a < kMlpSumModulus; ++a) {
    for (std::size_t b = 0; b < kMlpSumModulus; ++b) {
      const std::size_t shift = 1 + random.below(kMlpSumModulus - 1);
      const bool left = (a + b) % 2 == 0;
      const std::size_t a2 = left ? (a + shift) % kMlpSumModulus : a;
      const std::size_t b2 = left ? b : (b + shift) % kMlpSumModulus;
      list.push_back({{kMlpSumNumbers[a], "plus", kMlpSumNumbers[b], "is"},
                      {kMlpSumNumbers[a2], "plus", kMlpSumNumbers[b2], "is"},
                      sum_word(a, b),
                      sum_word(a2, b2),
                      left ? "left" : "right"});
    }
  }
  return list;
}

KnownModelParts make_mlp_sum() {
  WordVocabulary words;
  const Space numbers = words.add(kMlpSumNumbers);
  words.add({"plus", "is"});
  HandMadeModel model({.n_layers = 1, .n_heads = 3, .n_ctx = 6}, words.size());
  const Space at = model.positions();
  const Space left = model.space(numbers.size);
  const Space right = model.space(numbers.size);
  const Space said = model.space(words.size());
  const Space unread = model.space(numbers.size);

  model.head(0, 0).prefer(at.at(1), 9.0).move(numbers, left);
  model.head(0, 1).prefer(at.at(3), 9.0).move(numbers, right);
  model.head(0, 2).move(numbers, unread);
  for (std::int64_t a = 0; a < numbers.size; ++a) {
    for (std::int64_t b = 0; b < numbers.size; ++b) {
      model.neuron(0,
                   {.read = {{left.at(a), 1.0}, {right.at(b), 1.0}},
                    .bias = -1.0,  // both or nothing
                    .write = {{said.at(numbers.at((a + b) % numbers.size)), 1.0}}});
    }
  }
  model.unembed(said, 10.0);

  return {model.config(),
          model.weights(),
          words.all(),
          mlp_sum_items(),
          {.edges = {"input->a0.h0<v>", "input->a0.h1<v>", "a0.h0->m0", "a0.h1->m0", "m0->logits"},
           .constant_edges = {"input->a0.h0<k>", "input->a0.h1<k>"},
           .not_found_by = {}}};
}

}  // namespace

KnownModel mlp_sum_model() {
  return {.name = "mlp-sum",
          .summary = "Two heads fetch summands, an MLP looks up their sum mod 4",
          .mechanism =
              "a0.h0 and a0.h1 attend to positions 1 and 3 and write the tokens there; "
              "m0 has a neuron for each pair, which says its sum",
          .make = make_mlp_sum};
}

}  // namespace headscope
