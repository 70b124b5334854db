// How positions turn: settings against plain formulas, models that stretch with the length of a
// text, and broken ones.
#include <cmath>
#include <numbers>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/model/beyond_context.h"
#include "lib/model/rotary.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/mutants.h"
#include "tests/support/refusals.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Tensor logits(const Model& model, const std::vector<std::int32_t>& ids) {
  return model.forward(batch_of({ids})).logits;
}

void each_rope(ModelConfig& c, void (*change)(Rope&)) {
  for (Rope& rope : c.ropes) {
    change(rope);
  }
}

std::vector<Mutant> rope_mutants() {
  std::vector<Mutant> list;
  const auto rope =
      [&](const char* what, std::vector<const char*> fixtures, void (*change)(Rope&)) {
        list.push_back({what, std::move(fixtures), [change](ModelConfig& c, Weights&) {
                          each_rope(c, change);
                        }});
      };
  rope("yarn's attention factor left out", {"llama_yarn", "qwen2_yarn"}, [](Rope& r) {
    r.scaling.attention_factor = 1.0;
  });
  rope("yarn's bounds rounded", {"qwen2_yarn", "gpt_oss_yarn"}, [](Rope& r) {
    r.scaling.truncate = true;
  });
  rope("yarn's bounds exchanged", {"llama_yarn"}, [](Rope& r) {
    std::swap(r.scaling.beta_fast, r.scaling.beta_slow);
  });
  rope("short factors for a long text", {"phi3_longrope"}, [](Rope& r) {
    r.scaling.long_divisors = r.scaling.divisors;
  });
  rope("the last short length one token later", {"phi3_longrope"}, [](Rope& r) {
    r.scaling.original_context = 12;
  });
  rope("longrope's attention factor left out", {"phi3_longrope"}, [](Rope& r) {
    r.scaling.attention_factor = 1.0;
  });
  rope("halves turned for neighbours", {"gptj"}, [](Rope& r) { r.pairs = RopePairs::halves; });
  rope("the whole head turned", {"phi3_window", "gptj"}, [](Rope& r) { r.dim += 4; });
  list.push_back({"a layer without positions turned", {"smollm3"}, [](ModelConfig& c, Weights&) {
                    c.layers[1].rope = 0;
                  }});
  list.push_back({"a window everywhere", {"smollm3"}, [](ModelConfig& c, Weights&) {
                    c.layers[0].window = 4;
                  }});
  list.push_back({"scores scaled by the head size", {"granite"}, [](ModelConfig& c, Weights&) {
                    c.attn_scale = 1 / std::sqrt(8.0);
                  }});
  list.push_back({"embeddings not multiplied", {"granite"}, [](ModelConfig& c, Weights&) {
                    c.embed_scale = 1.0;
                  }});
  list.push_back({"heads' writing multiplied twice", {"granite"}, [](ModelConfig&, Weights& w) {
                    of_block(w, 1, &BlockWeights::W_O).mul_(0.6);
                  }});
  list.push_back(
      {"no bias of the logits", {"gptj"}, [](ModelConfig&, Weights& w) { w.b_U = Tensor(); }});
  return list;
}

}  // namespace

TEST_CASE("models whose positions turn wrongly fail the comparison that right ones pass") {
  check_mutants(rope_mutants());
}

TEST_CASE("rotary settings that headscope does not run are refused by name") {
  check_refusals(
      {{"llama_yarn", R"({"rope_parameters": {"factor": "four"}})", {"factor"}},
       {"llama_yarn",
        R"({"rope_parameters": {"low_freq_factor": 1.0}})",
        {"low_freq_factor", "yarn"}},
       {"llama_yarn", R"({"rope_parameters": {"truncate": 1}})", {"truncate"}},
       {"llama_dynamic", R"({"rope_scaling": {"factor": null}})", {"factor"}},
       {"llama",
        R"({"rope_scaling": {"rope_type": "proportional"}})",
        {"proportional", "longrope"}},
       {"phi3_longrope", R"({"rope_scaling": {"long_factor": [1.0, 2.0]}})", {"long_factor", "4"}},
       {"phi3_longrope", R"({"rope_scaling": {"short_factor": [1, 1, 0, 1]}})", {"short_factor"}},
       {"phi3_longrope", R"({"rope_scaling": {"short_factor": null}})", {"short_factor"}},
       {"phi3_longrope", R"({"original_max_position_embeddings": 0})", {"original_max_position"}},
       {"phi3_window", R"({"rope_parameters": {"partial_rotary_factor": 1.5}})", {"1.5"}},
       {"phi3_window", R"({"sliding_window": 0})", {"sliding_window"}},
       {"granite", R"({"logits_scaling": 0})", {"logits_scaling"}},
       {"llama_yarn", R"({"rope_parameters": {"attention_factor": 0}})", {"attention_factor"}},
       {"llama_yarn", R"({"rope_parameters": {"beta_slow": -1}})", {"beta_slow"}},
       {"phi3_longrope", R"({"original_max_position_embeddings": 1})", {"attention_factor"}},
       {"smollm3", R"({"sliding_window": null})", {"sliding_window", "layer 1"}},
       {"smollm3", R"({"no_rope_layers": [1]})", {"no_rope_layers", "3"}},
       {"smollm3", R"({"no_rope_layers": [1, 2, 0]})", {"no_rope_layers", "2"}},
       {"gptj", R"({"rotary_dim": 40})", {"rotary_dim", "40"}},
       {"gptj", R"({"rotary_dim": 3})", {"rotary_dim"}}});
}

TEST_CASE("SmolLM3 slides as layer_types says, whatever use_sliding_window does") {
  const EditedModel edited("smollm3", [](Json& c) { c["use_sliding_window"] = false; });
  const Model model = load_model(edited.path().string());
  CHECK(model.config().layers[0].window == 0);
  CHECK(model.config().layers[1].window == 4);
}

TEST_CASE("a text turns by its own length, whatever is in its batch, and cannot outgrow its keys") {
  const Model model = load(huggingface_fixture("phi3_longrope"));
  REQUIRE(model.turns_by_length());
  const std::vector<std::int32_t> long_text{5, 9, 30, 41, 7, 8, 60, 61, 62, 63, 64, 65};
  const std::vector<std::int32_t> short_text(long_text.begin(), long_text.begin() + 9);
  const Tensor both = model.forward(batch_of({long_text, short_text})).logits;
  CHECK(difference(both.select(0, 0), logits(model, long_text).select(0, 0)) < 1e-5);
  CHECK(difference(both.select(0, 1).narrow(0, 3, 9), logits(model, short_text).select(0, 0)) <
        1e-5);

  const auto grow = [&](std::size_t from, std::size_t to) {
    NoTap nobody;
    KvCache cache(model.config());
    (void)model.forward(
        batch_of({{long_text.begin(), long_text.begin() + static_cast<std::ptrdiff_t>(from)}}),
        nobody,
        {.cache = &cache});
    return model
        .forward(batch_of({{long_text.begin() + static_cast<std::ptrdiff_t>(from),
                            long_text.begin() + static_cast<std::ptrdiff_t>(to)}}),
                 nobody,
                 {.cache = &cache})
        .logits;
  };
  const Tensor whole = logits(model, {long_text.begin(), long_text.begin() + 9});
  CHECK(difference(grow(4, 9), whole.narrow(1, 4, 5)) < 1e-5);
  CHECK(difference(grow(11, 12), logits(model, long_text).narrow(1, 11, 1)) < 1e-5);
  CHECK_THROWS_AS(grow(9, 11), UsageError);
}

TEST_CASE("dynamic scaling is none within the context and a larger base beyond it") {
  const Rope rope{
      .base = 100.0,
      .dim = 8,
      .scaling = {.kind = RopeScaling::Kind::dynamic, .factor = 2.0, .original_context = 12}};
  const RotaryAngles angles(rope, at::kCPU);
  const auto expected = [](double base, int i) { return 1.0 / std::pow(base, 2.0 * i / 8.0); };
  const double longer = 100.0 * std::pow(2.0 * 20.0 / 12.0 - 1.0, 8.0 / 6.0);
  for (int i = 0; i < 4; ++i) {
    CHECK(angles.frequencies(12)[i].item<double>() == Approx(expected(100.0, i)));
    CHECK(angles.frequencies(20)[i].item<double>() == Approx(expected(longer, i)));
  }
  const Model model =
      altered(load(huggingface_fixture("llama_dynamic")), [](ModelConfig& c, Weights&) {
        c.n_ctx = 12;
        c.ropes[0].scaling.original_context = 12;
      });
  const Model wide = beyond_context(model, 20);
  const std::vector<std::int32_t> text{5, 9, 30, 41, 7, 8, 60, 61, 62, 63, 64, 65, 66, 67};
  CHECK_THROWS_AS(logits(model, text), UsageError);
  const Model plain = altered(wide, [](ModelConfig& c, Weights&) { c.ropes[0].scaling = {}; });
  CHECK(difference(logits(wide, text), logits(plain, text)) > kFar);
  const std::vector<std::int32_t> within(text.begin(), text.begin() + 12);
  CHECK(difference(logits(wide, within), logits(plain, within)) < 1e-7);
}
