// Mixtures of experts: models broken where they are new, what their hook points mean, and what is
// refused.
#include <algorithm>
#include <functional>
#include <limits>

#include "hooks/edits.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/mutants.h"
#include "tests/support/refusals.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using ConfigChange = void (*)(ModelConfig&);

Mutant config_mutant(const char* what, std::vector<const char*> fixtures, ConfigChange change) {
  return {what, std::move(fixtures), [change](ModelConfig& c, Weights&) { change(c); }};
}

std::vector<Mutant> expert_choices() {
  using enum Experts::Weighting;
  return {
      config_mutant("weights as they come out of the softmax",
                    {"mixtral", "mixtral_window", "qwen3_moe", "olmoe_renormalized"},
                    [](ModelConfig& c) { c.experts.renormalized = false; }),
      config_mutant("weights that sum to one",
                    {"qwen3_moe_mixed", "olmoe"},
                    [](ModelConfig& c) { c.experts.renormalized = true; }),
      config_mutant("the softmax before the choice",
                    {"gpt_oss", "gpt_oss_mxfp4"},
                    [](ModelConfig& c) { c.experts.weighting = softmax_then_top; }),
      config_mutant("one expert fewer",
                    {"mixtral", "qwen3_moe", "gpt_oss"},
                    [](ModelConfig& c) { c.experts.chosen -= 1; }),
      config_mutant("gates without a limit",
                    {"gpt_oss_mxfp4"},
                    [](ModelConfig& c) { c.experts.limit = 1e6; }),
      config_mutant("SwiGLU for the gate of gpt-oss",
                    {"gpt_oss"},
                    [](ModelConfig& c) { c.experts.limit = 0; }),
      config_mutant("a gate of another slope",
                    {"gpt_oss"},
                    [](ModelConfig& c) { c.experts.gate_slope = 1.0; }),
      config_mutant("windows in the other layers",
                    {"gpt_oss", "gpt_oss_mxfp4"},
                    [](ModelConfig& c) { std::swap(c.layers[0].window, c.layers[1].window); }),
  };
}

std::vector<Mutant> missing_expert_parts() {
  return {
      {"no sinks",
       {"gpt_oss", "gpt_oss_mxfp4"},
       [](ModelConfig&, Weights& w) { w.blocks[0].sinks = Tensor(); }},
      {"no bias of the router",
       {"gpt_oss"},
       [](ModelConfig&, Weights& w) { w.blocks[0].b_router = Tensor(); }},
      {"no biases of what experts read",
       {"gpt_oss"},
       [](ModelConfig&, Weights& w) { w.blocks[0].b_in_experts = Tensor(); }},
      {"no biases of what experts write",
       {"gpt_oss"},
       [](ModelConfig&, Weights& w) { w.blocks[0].b_out_experts = Tensor(); }},
      {"gate and up exchanged",
       {"mixtral", "qwen3_moe", "gpt_oss", "gpt_oss_mxfp4"},
       [](ModelConfig& c, Weights& w) {
         w.blocks[1].W_in_experts = w.blocks[1].W_in_experts.roll(c.experts.d_expert, 1);
       }},
      {"experts in another order",
       {"mixtral", "qwen3_moe_mixed", "gpt_oss", "olmoe"},
       [](ModelConfig&, Weights& w) {
         Tensor& out = w.blocks.back().W_out_experts;
         out = out.roll(1, 0);
       }},
  };
}

struct RoutedCase {
  Model model;
  Batch batch;
};

RoutedCase load_routed(const char* name) {
  const FixtureModel fixture = huggingface_fixture(name);
  return {load(fixture), batch_of({prompt(read_tensors(fixture.expected), 0)})};
}

// What `site` of layer 1 becomes where `edit` changes `edited` of it.
Tensor value_after(const RoutedCase& c,
                   Site edited,
                   Site site,
                   const std::function<Tensor(const Tensor&)>& edit) {
  Edits edits;
  edits.at(hook_name(edited, 1)).apply([&](const Visit&, const Tensor& value) {
    return edit(value);
  });
  Watch watch;
  TapList taps({&edits, &watch});
  (void)c.model.forward(c.batch, taps);
  return watch.at(site, 1);
}

Tensor plain_value(const RoutedCase& c, Site site) {
  return value_after(c, site, site, [](const Tensor& value) { return value; });
}

}  // namespace

TEST_CASE("a mixture of experts broken in one part fails the comparison that a whole one passes") {
  check_mutants(expert_choices());
  check_mutants(missing_expert_parts());
}

TEST_CASE("settings of experts that contradict each other or are not run are refused by name") {
  check_refusals({
      {"mixtral", R"({"num_experts_per_tok": 5})", {"5 of 4 experts"}},
      {"gpt_oss", R"({"swiglu_limit": 0})", {"swiglu_limit"}},
      {"llama", R"({"num_local_experts": 2})", {"num_local_experts"}},
      {"mixtral", R"({"num_experts": 5})", {"num_local_experts", "num_experts"}},
      {"mixtral", R"({"num_local_experts": 3})", {"gate.weight", "4×32", "3×32"}},
      {"mixtral", R"({"intermediate_size": 23})", {"experts.0.w1.weight", "24×32", "23×32"}},
      {"mixtral", R"({"sliding_window": 0})", {"sliding_window"}},
      {"mixtral", R"({"shared_expert_intermediate_size": 8})", {"shared_expert"}},
      {"qwen3_moe", R"({"decoder_sparse_step": 0})", {"decoder_sparse_step"}},
      {"olmoe", R"({"clip_qkv": 8.0})", {"clip_qkv"}},
      {"olmoe", R"({"num_experts": 6})", {"gate.weight"}},
      {"qwen3_moe", R"({"mlp_only_layers": 1})", {"mlp_only_layers"}},
      {"qwen3_moe", R"({"mlp_only_layers": [0]})", {"mlp.gate_proj.weight is missing"}},
      {"gpt_oss", R"({"swiglu_limit": -1.0})", {"limit", "-1"}},
      {"gpt_oss", R"({"sliding_window": 0})", {"layer 0 slides"}},
      {"gpt_oss", R"({"num_local_experts": 5})", {"router.weight"}},
      {"gpt_oss_mxfp4", R"({"quantization_config": {"quant_method": "gptq"}})", {"gptq", "mxfp4"}},
  });
}

TEST_CASE("a token goes through the experts it chose, and through no other") {
  const RoutedCase c = load_routed("mixtral");
  const Tensor chosen = plain_value(c, Site::mlp_expert_indices).slice(1, 0, 1);  // one token's
  const Batch one = batch_of({{c.batch.tokens()[0][0].item<std::int32_t>()}});
  const Model poisoned = altered(c.model, [&](ModelConfig& config, Weights& w) {
    Tensor& W_in = of_block(w, 1, &BlockWeights::W_in_experts);
    for (std::int64_t expert = 0; expert < config.experts.count; ++expert) {
      if ((chosen == expert).any().item<bool>()) {
        continue;
      }
      W_in[expert].fill_(std::numeric_limits<float>::quiet_NaN());
    }
  });
  CHECK(identical(poisoned.forward(one).logits, c.model.forward(one).logits));
}

TEST_CASE("editing a router's logits changes who is chosen and how they are weighed") {
  const RoutedCase c = load_routed("mixtral");
  const auto to_last = [](const Tensor& logits) {
    return logits + at::arange(logits.size(-1), logits.options()) * 100;
  };
  const Tensor indices = value_after(c, Site::mlp_gate, Site::mlp_expert_indices, to_last);
  CHECK((indices.select(-1, 0) == 3).all().item<bool>());
  CHECK((indices.select(-1, 1) == 2).all().item<bool>());
  CHECK(value_after(c, Site::mlp_gate, Site::mlp_expert_weights, to_last)
            .select(-1, 0)
            .min()
            .item<float>() > 0.99F);
}

TEST_CASE("an edit of the choice sends tokens elsewhere, with the router's weights of that place") {
  const RoutedCase c = load_routed("mixtral");
  const auto reversed = [](const Tensor& value) { return value.flip(-1); };
  const Tensor weights = plain_value(c, Site::mlp_expert_weights);
  CHECK(difference(value_after(c, Site::mlp_expert_indices, Site::mlp_expert_weights, reversed),
                   weights.flip(-1)) < 1e-6);
  const Tensor out = plain_value(c, Site::mlp_raw_out);
  CHECK(difference(value_after(c, Site::mlp_expert_indices, Site::mlp_raw_out, reversed), out) <
        1e-5);
  const auto next = [](const Tensor& value) { return (value + 1).remainder(4); };
  CHECK(difference(value_after(c, Site::mlp_expert_indices, Site::mlp_raw_out, next), out) > 1e-2);
  for (const std::int64_t none : {-1, 4}) {
    CHECK_THROWS_WITH(
        value_after(c,
                    Site::mlp_expert_indices,
                    Site::mlp_raw_out,
                    [&](const Tensor& value) { return at::zeros_like(value) + none; }),
        contains("an edit chose expert"));
  }
}

TEST_CASE("weights of experts scale what they write") {
  const RoutedCase c = load_routed("qwen3_moe");
  const auto half = [](const Tensor& value) { return value * 0.5; };
  CHECK(difference(value_after(c, Site::mlp_expert_weights, Site::mlp_raw_out, half),
                   plain_value(c, Site::mlp_raw_out) * 0.5) < 1e-5);
}

TEST_CASE("layers of experts have a router's hook points, dense ones a dense MLP's") {
  const ModelConfig config = load_routed("qwen3_moe_mixed").model.config();
  for (int layer = 0; layer < 4; ++layer) {
    CHECK(has_experts(config, layer) == (layer == 3));
    CHECK(exists(Site::mlp_gate, config, layer) == (layer == 3));
    CHECK(exists(Site::mlp_post, config, layer) == (layer != 3));
  }
  CHECK_FALSE(info(Site::mlp_post).exists(load_routed("mixtral").model.config()));
}

TEST_CASE("the number of an expert has no gradient") {
  const RoutedCase c = load_routed("mixtral");
  struct Indices final : GradientTap {
    [[nodiscard]] bool wants(HookPoint point) const override {
      return point.site == Site::mlp_expert_indices;
    }
    void visit(const Visit&, const Tensor&, const Tensor&) override {}
  } tap;
  CHECK_THROWS_AS(gradients(
                      c.model, c.batch, [](const Tensor& logits) { return logits.sum(1); }, tap),
                  UsageError);
}

TEST_CASE("what experts weigh is known before they are loaded") {
  for (const char* name : {"mixtral", "qwen3_moe_mixed", "gpt_oss"}) {
    INFO(name);
    const Model model = load_routed(name).model;
    Weights weights = model.weights();
    std::int64_t bytes = 0;
    for (const BlockWeights& b : weights.blocks) {
      for (const Tensor& t : {b.W_router,
                              b.b_router,
                              b.W_in_experts,
                              b.b_in_experts,
                              b.W_out_experts,
                              b.b_out_experts}) {
        bytes += t.defined() ? static_cast<std::int64_t>(t.nbytes()) : 0;
      }
    }
    ModelConfig dense = model.config();
    const std::int64_t all = weight_bytes(dense, DType::f32);
    for (LayerConfig& layer : dense.layers) {
      layer.mlp = LayerMlp::dense;
    }
    const std::int64_t none = weight_bytes(dense, DType::f32);
    const std::int64_t sparse = static_cast<std::int64_t>(std::count_if(
        model.config().layers.begin(), model.config().layers.end(), [](const auto& l) {
          return l.mlp == LayerMlp::experts;
        }));
    CHECK(all - none + sparse * 3 * dense.d_mlp * dense.d_model * 4 == bytes);
  }
}
