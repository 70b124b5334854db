// Families that tell positions in their own ways: Stanford's GPT-2s, GPT-Neo, OPT, BLOOM, Falcon.
#include <algorithm>
#include <cmath>
#include <utility>

#include "lib/base/json.h"
#include "lib/families/alibi.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/mutants.h"
#include "tests/support/refusals.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// A mutant of the config alone, of every layer or of the whole.
Mutant of_layers(const char* what,
                 std::vector<const char*> fixtures,
                 const std::function<void(LayerConfig&)>& change) {
  return {what, std::move(fixtures), [change](ModelConfig& c, Weights&) {
            std::for_each(c.layers.begin(), c.layers.end(), change);
          }};
}
Mutant of_config(const char* what,
                 std::vector<const char*> fixtures,
                 const std::function<void(ModelConfig&)>& change) {
  return {what, std::move(fixtures), [change](ModelConfig& c, Weights&) { change(c); }};
}

std::vector<Mutant> score_mutants() {
  return {of_layers("every layer's scores scaled alike",
                    {"gpt2_stanford"},
                    [](LayerConfig& layer) { layer.score_scale = 1.0; }),
          of_config(
              "scores scaled by the head size",
              {"gpt_neo", "gpt_neo_v5"},
              [](ModelConfig& c) { c.attn_scale = 1 / std::sqrt(static_cast<double>(c.d_head)); }),
          of_layers("a window one key too wide",
                    {"gpt_neo", "gpt_neo_v5"},
                    [](LayerConfig& layer) { layer.window += layer.window > 0 ? 1 : 0; }),
          of_config("global and local layers exchanged",
                    {"gpt_neo", "gpt_neo_v5"},
                    [](ModelConfig& c) { std::reverse(c.layers.begin(), c.layers.end()); })};
}

std::vector<Mutant> alibi_mutants() {
  return {
      of_layers("no slopes",
                {"bloom", "bloom_v5", "falcon_rw"},
                [](LayerConfig& layer) { layer.alibi = layer.key_slopes = {}; }),
      of_layers("the slopes of the next power of two",
                {"bloom_v5"},
                [](LayerConfig& layer) {
                  layer.alibi = alibi_slopes(8);
                  layer.alibi.resize(5);
                }),
      of_config("slopes that are not scaled as the scores are",
                {"falcon_rw"},
                [](ModelConfig& c) {
                  for (LayerConfig& layer : c.layers) {
                    layer.alibi = std::exchange(layer.key_slopes, {});
                  }
                }),
  };
}

std::vector<Mutant> stream_mutants() {
  return {
      of_config("embeddings without their norm",
                {"bloom", "bloom_v5"},
                [](ModelConfig& c) { c.embed_norm = false; }),
      of_config("positions from the table's first row",
                {"opt", "opt_v5"},
                [](ModelConfig& c) { c.first_position_row = 0; }),
      of_config("norms before what they come behind",
                {"opt_350m"},
                [](ModelConfig& c) { c.norm_placement = NormPlacement::pre; }),
      of_config("GELU for ReLU", {"opt"}, [](ModelConfig& c) { c.activation = Activation::gelu; }),
      of_config("a parallel block run in sequence",
                {"falcon_7b", "falcon_40b"},
                [](ModelConfig& c) {
                  c.block_order = BlockOrder::sequential;
                  c.shared_norm = false;
                }),
      {"attention and MLP behind one norm",
       {"falcon_40b"},
       [](ModelConfig&, Weights& w) {
         for (BlockWeights& block : w.blocks) {
           block.ln2 = block.ln1;
         }
       }},
      {"KV heads exchanged", {"falcon_40b"}, [](ModelConfig& c, Weights& w) {
         Tensor keys = of_block(w, 0, &BlockWeights::W_QKV)
                           .narrow(0, c.n_heads * c.d_head, c.n_kv_heads * c.d_head);
         keys.copy_(keys.roll(c.d_head, 0));
       }}};
}

const std::vector<Refusal> kRefused{
    {"bloom",
     R"({"apply_residual_connection_post_layernorm": true})",
     {"apply_residual_connection_post_layernorm"}},
    {"bloom", R"({"n_inner": 100})", {"n_inner", "128"}},
    {"bloom", R"({"hidden_size": 64})", {"hidden_size", "n_embed"}},
    {"gpt_neo", R"({"attention_layers": ["local", "local"]})", {"attention_layers", "disagree"}},
    {"gpt_neo_v5", R"({"attention_types": [["local", 2]]})", {"attention_types"}},
    {"gpt_neo_v5", R"({"attention_types": [[["local"], 3]]})", {"attention_layers", "3"}},
    {"gpt_neo_v5", R"({"attention_types": [[["local"], 1000000000]]})", {"attention_types"}},
    {"gpt_neo_v5", R"({"attention_types": [[["local", "sparse"], 1]]})", {"sparse"}},
    {"gpt_neo_v5", R"({"window_size": 0})", {"window_size"}},
    {"opt", R"({"do_layer_norm_before": false})", {"decoder.final_layer_norm"}},
    {"opt", R"({"_remove_final_layer_norm": true})", {"decoder.final_layer_norm"}},
    {"opt", R"({"word_embed_proj_dim": 16})", {"embed_tokens", "120×32", "120×16"}},
    {"opt", R"({"word_embed_proj_dim": -1})", {"d_embed", "-1"}},
    {"opt_v5", R"({"layer_norm_elementwise_affine": false})", {"layer_norm"}},
    {"falcon_40b", R"({"parallel_attn": false})", {"parallel_attn", "new_decoder_architecture"}},
    {"falcon_40b", R"({"num_ln_in_parallel_attn": 3})", {"num_ln_in_parallel_attn", "3"}},
    {"falcon_7b", R"({"num_ln_in_parallel_attn": 2})", {"num_ln_in_parallel_attn", "2"}},
    {"falcon_rw", R"({"num_kv_heads": 2})", {"num_kv_heads", "12"}},
};

Tensor logits_of(const Model& model) {
  const Tensors expected = read_tensors(huggingface_fixture("falcon_7b").expected);
  return model.forward(batch_of({prompt(expected, 0)})).logits;
}

}  // namespace

TEST_CASE("positions told wrongly fail the comparison that right ones pass") {
  check_mutants(score_mutants());
  check_mutants(alibi_mutants());
  check_mutants(stream_mutants());
}

TEST_CASE("GPT-Neo, OPT, BLOOM and Falcon refuse by name what headscope does not run") {
  check_refusals(kRefused);
}

TEST_CASE("ALiBi's slopes are those of the paper, and every other one of twice as many heads") {
  CHECK(alibi_slopes(4) == std::vector<double>{0.25, 0.0625, 0.015625, 0.00390625});
  CHECK(alibi_slopes(6) == std::vector<double>{0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125});
  const std::vector<double> twelve = alibi_slopes(12);
  REQUIRE(twelve.size() == 12);
  CHECK(twelve[7] == 1.0 / 256);
  CHECK(std::abs(twelve[8] - std::sqrt(0.5)) < 1e-7);
  CHECK(std::abs(twelve[11] - std::pow(0.5, 3.5)) < 1e-7);
}

TEST_CASE("Falcon-11B's form is 7B's with the KV heads it names") {
  const EditedModel eleven("falcon_7b", [](Json& c) {
    c["new_decoder_architecture"] = true;
    c["num_ln_in_parallel_attn"] = 1;
    c["num_kv_heads"] = 1;
  });
  const Tensor logits = logits_of(load_model(eleven.path().string()));
  CHECK(identical(logits, logits_of(load(huggingface_fixture("falcon_7b")))));
}

TEST_CASE("GPT-Neo's layers may be told in either of two fields") {
  const EditedModel model("gpt_neo", [](Json& c) { c.erase("attention_types"); });
  const ModelConfig config = load_model(model.path().string()).config();
  CHECK(config.layers[0].window == 0);
  CHECK(config.layers[1].window == 4);
}

TEST_CASE("TransformerLens's configs scale a layer's scores by its number too") {
  const EditedModel model("hooked_plain",
                          [](Json& c) { c["scale_attn_by_inverse_layer_idx"] = true; });
  const ModelConfig config = load_model(model.path().string()).config();
  CHECK(config.layers[0].score_scale == 1.0);
  CHECK(config.layers[1].score_scale == 0.5);
}

TEST_CASE("an attn-only-* model loads with all fields that TransformerLens's to_dict() writes") {
  const EditedModel model("hooked_attn_only", [](Json& c) {
    c.merge_patch(Json::parse(R"({
      "NTK_by_parts_factor": 8.0, "NTK_by_parts_high_freq_factor": 4.0,
      "NTK_by_parts_low_freq_factor": 1.0, "NTK_original_ctx_len": 8192, "act_fn": "solu_ln",
      "attention_dir": "causal", "d_mlp": 96, "d_vocab_out": 60, "default_prepend_bos": true,
      "device": "cpu", "dtype": "torch.float32", "eps": 1e-05, "final_rms": false,
      "from_checkpoint": false, "gated_mlp": false, "init_mode": "gpt2", "init_weights": true,
      "initializer_range": 0.16, "load_in_4bit": false, "model_name": "attn-only-3l", "n_devices": 1,
      "n_params": 6912, "num_experts": null, "original_architecture": "neel",
      "output_logits_soft_cap": -1.0, "attn_scores_soft_cap": -1.0, "parallel_attn_mlp": false,
      "post_embedding_ln": false, "rotary_adjacent_pairs": false, "rotary_base": 10000, "seed": null,
      "scale_attn_by_inverse_layer_idx": false, "tie_word_embeddings": false,
      "tokenizer_name": "NeelNanda/gpt-neox-tokenizer-digits", "trust_remote_code": false,
      "ungroup_grouped_query_attention": false, "use_NTK_by_parts_rope": false,
      "use_attn_in": false, "use_attn_result": false, "use_attn_scale": true,
      "use_hook_mlp_in": false, "use_hook_tokens": false, "use_local_attn": false,
      "use_normalization_before_and_after": false, "use_split_qkv_input": false})"));
  });
  const ModelConfig config = load_model(model.path().string()).config();
  CHECK(!has_mlp(config));
  CHECK(config.d_mlp == 0);
}
