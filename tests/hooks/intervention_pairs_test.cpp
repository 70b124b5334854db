// Interventions at pairs of query and key, against softmax by hand, whole and in chunks.
#include <algorithm>
#include <limits>

#include "tests/hooks/changed_values.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("a uniform head attends alike to all it sees") {
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    Edits edits;
    edits.at("blocks.*.attn.hook_pattern", {.heads = {{1}}}).uniform();
    Recorder seen{"blocks.*.attn.hook_pattern"};
    model.forward(three_prompts(), edits | seen);
    for (int layer = 0; layer < model.config().n_layers; ++layer) {
      const std::int64_t window = model.config().layers[static_cast<std::size_t>(layer)].window;
      for (std::int64_t row = 0; row < 3; ++row) {
        const Tensor pattern = seen.at(hook_name(Site::pattern, layer), {.prompt = row, .head = 1});
        for (std::int64_t query = 0; query < pattern.size(0); ++query) {
          const std::int64_t first = window > 0 ? std::max<std::int64_t>(0, query - window + 1) : 0;
          Tensor want = at::zeros({pattern.size(1)}, at::kFloat);
          want.narrow(0, first, query + 1 - first)
              .fill_(1.0 / static_cast<double>(query + 1 - first));
          CHECK(difference(pattern[query], want) < 1e-6);
        }
      }
    }
  }
}

TEST_CASE("masked and biased pairs of query and key, against softmax by hand") {
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string scores = "blocks.0.attn.hook_attn_scores";
    const std::string pattern = "blocks.0.attn.hook_pattern";
    Recorder plain{scores.c_str()};
    model.forward(three_prompts(), plain);
    Tensor want = plain.at(scores).clone();
    for (std::int64_t row = 0; row < 3; ++row) {
      const std::int64_t pad = kPads[row];
      want[row][1][pad + 2][pad + 1] = -std::numeric_limits<float>::infinity();
      for (std::int64_t query = 1; query < 6 - pad; ++query) {  // −1: the last token
        const bool last = query == 5 - pad;
        const float bias = last ? 1.5F : 0.0F;
        want[row][0][pad + query][pad] += bias;
      }
    }
    want = at::softmax(want, -1).nan_to_num(0.0);
    Edits edits(listed_interventions(
        R"([{"site": "blocks.0.attn.hook_attn_scores", "heads": [1], "op": "mask",
                            "pairs": [[2, 1]]},
                           {"site": "blocks.0.attn.hook_attn_scores", "heads": [0], "op": "bias",
                            "pairs": [[-1, 0]], "bias": 1.5}])"));
    Recorder seen{pattern.c_str()};
    model.forward(three_prompts(), edits | seen);
    CHECK(difference(seen.at(pattern), want) < 1e-6);
    CHECK(edits.fired(0) == 1);
  }
}

TEST_CASE("pairs a query cannot see stay unseen, and a query is left one key") {
  const Model model = load(huggingface_fixture("llama"));
  Edits ahead(listed_interventions(
      R"([{"site": "blocks.0.attn.hook_pattern", "op": "replace", "values": [1.0]}])"));
  Recorder seen{"blocks.0.attn.hook_pattern"};
  model.forward(three_prompts(), ahead | seen);
  const Tensor pattern = seen.at("blocks.0.attn.hook_pattern", {.prompt = 1});
  CHECK(identical(pattern[0], at::ones({3, 3}).tril()));
  Edits blind(listed_interventions(R"([{"site": "blocks.0.attn.hook_attn_scores", "op": "mask",
                          "pairs": [[1, null]]}])"));
  CHECK_THROWS_WITH(model.forward(three_prompts(), blind),
                    contains("the query at position 1 of prompt 0 sees no key in head 0"));
}

TEST_CASE("in chunks, and through batches of prompts in another order, the same is changed") {
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string list =
        R"([{"site": "blocks.0.attn.hook_z", "positions": [4, -1], "op": "scale", "factor": 3},
            {"site": "blocks.0.hook_mlp_out", "op": "scale", "factor": 0.5},
            {"site": "blocks.0.attn.hook_attn_scores", "op": "bias", "bias": 2,
             "pairs": [[5, 1], [null, 2]]}])";
    const Batch one({{5, 6, 7, 8, 9, 10, 11}});
    const auto logits = [&](std::int64_t chunk) {
      Edits edits(listed_interventions(list));
      return model.forward(one, edits, {.chunk = chunk}).logits;
    };
    CHECK(difference(logits(3), logits(0)) < 1e-5);
    CHECK(difference(logits(0), model.forward(one).logits) > 1e-4);

    Batch turned({{14, 15, 16, 17, 18}, {5, 6, 7, 8, 9, 10}});
    turned.number_prompts({2, 0});
    Edits second(
        listed_interventions(R"([{"site": "blocks.0.attn.hook_z", "prompts": [2], "positions": [4],
                             "op": "zero"}])"));
    const Tensor got = model.forward(turned, second).logits;
    Edits same(
        listed_interventions(R"([{"site": "blocks.0.attn.hook_z", "prompts": [0], "positions": [4],
                           "op": "zero"}])"));
    const Tensor want = model.forward(Batch({{14, 15, 16, 17, 18}}), same).logits;
    CHECK(difference(got[0].narrow(0, 1, 5), want[0]) < 1e-5);
    CHECK(difference(got[1], model.forward(Batch({{5, 6, 7, 8, 9, 10}})).logits[0]) < 1e-5);
  }
}
