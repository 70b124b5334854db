// Interventions of only those heads and queries whose own attention is so.
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "tests/hooks/changed_patterns.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("a condition on a head's own attention holds query by query and head by head") {
  const auto statistic = [](const Tensor& pattern,
                            const std::string& name,
                            std::int64_t b,
                            std::int64_t head,
                            std::int64_t query) {
    const Row weights = row_of(pattern, b, head, query);
    if (name == "entropy") {
      double sum = 0;
      for (const double p : weights) {
        sum -= p > 0 ? p * std::log(p) : 0.0;
      }
      return sum;
    }
    const std::int64_t key = name == "first_token_mass" ? kOpPads[b]
                             : name == "self_mass"      ? query
                                                        : query - 1;
    return key < 0 ? 0.0 : weights[static_cast<std::size_t>(key)];
  };
  const struct {
    const char* name;
    double above, below;
  } conditions[] = {{"first_token_mass", 0.2, 0.6},
                    {"entropy", 0.5, 1.3},
                    {"self_mass", 0.15, 0.9},
                    {"previous_token_mass", 0.1, 0.4}};
  for (const std::string& family : kOpFamilies) {
    const Model model = load(huggingface_fixture(family));
    const std::string z = "blocks.1.attn.hook_z";
    Recorder plain{kOpPattern, z.c_str()};
    model.forward(padded_pair(), plain);
    int held = 0;
    for (const auto& [name, above, below] : conditions) {
      CAPTURE(family, name);
      const std::string when = fmt::format(
          R"("when": {{"statistic": "{}", "above": {}, "below": {}}})", name, above, below);
      for (const bool at_pattern : {false, true}) {
        const std::string point = at_pattern ? kOpPattern : z;
        Edits edits(
            ops_of(R"([{"site": ")" + point + R"(", "op": "scale", "factor": 3, )" + when + "}]"));
        Recorder seen(std::vector<std::string>{point});
        model.forward(padded_pair(), edits | seen);
        for (std::int64_t b = 0; b < 2; ++b) {
          for (std::int64_t query = kOpPads[b]; query < 6; ++query) {
            for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
              const double value = statistic(plain.at(kOpPattern), name, b, head, query);
              const bool in = value > above && value < below;
              held += in ? 1 : 0;
              const auto row = [&](const Recorder& of) {
                return at_pattern ? of.at(point)[b][head][query] : of.at(point)[b][query][head];
              };
              CHECK(identical(row(seen), in ? row(plain) * 3.0 : row(plain)));
            }
          }
        }
      }
    }
    CHECK(held > 20);
  }
}

TEST_CASE("conditions are of the changed attention, and hold in chunks as in a whole pass") {
  const Model model = load(huggingface_fixture("llama"));
  const std::string list =
      R"([{"site": "blocks.1.attn.hook_attn_scores", "op": "bias", "bias": 40, "heads": [1],
           "keys": {"positions": 0}},
          {"site": "blocks.1.attn.hook_z", "op": "zero", "apply": {"except": 0},
           "when": {"statistic": "first_token_mass", "above": 0.9}}])";
  Edits edits(ops_of(list));
  Recorder seen{"blocks.1.attn.hook_z"};
  const Batch batch({{5, 6, 7, 8, 9, 10}});
  const Tensor logits = model.forward(batch, edits | seen).logits;
  const Tensor z = seen.at("blocks.1.attn.hook_z")[0];
  for (std::int64_t query = 1; query < 6; ++query) {
    CHECK(z[query][1].abs().max().item<float>() == 0.0F);
    CHECK(z[query][0].abs().max().item<float>() > 0.0F);
  }
  Edits chunked(ops_of(list));
  CHECK(difference(model.forward(batch, chunked, {.chunk = 2}).logits, logits) < 1e-5);
  Edits never(ops_of(R"([{"site": "blocks.1.attn.hook_z", "op": "zero",
                          "when": {"statistic": "first_token_mass", "above": 1.5}}])"));
  CHECK_THROWS_WITH(model.forward(batch, never), contains("never changed anything"));
  Edits elsewhere(ops_of(R"([{"site": "blocks.1.attn.hook_q", "op": "zero",
                              "when": {"statistic": "entropy", "above": 0}}])"));
  CHECK_THROWS_WITH(model.forward(batch, elsewhere),
                    contains("hook_z, hook_result and hook_pattern"));
  CHECK_THROWS_WITH(ops_of(R"([{"site": "a", "op": "zero", "when": {"statistic": "entropi"}}])"),
                    contains("did you mean entropy"));
  CHECK_THROWS_WITH(ops_of(R"([{"site": "a", "op": "zero", "when": {"statistic": "entropy"}}])"),
                    contains("needs \"above\""));
}
