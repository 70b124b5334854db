// Norms elsewhere than before attention and MLP, with fewer parameters or of queries and keys, and
// what is cut: OLMo, OLMo 2, StableLM, StarCoder 2, Gemma 1, Phi.
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/mutants.h"
#include "tests/support/refusals.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Mutant choice(const char* what,
              std::vector<const char*> fixtures,
              const std::function<void(ModelConfig&)>& change) {
  return {what, std::move(fixtures), [change](ModelConfig& c, Weights&) { change(c); }};
}

// The first rows of a weight exchanged with those behind them.
void exchange(Tensor& values, std::int64_t rows) {
  const Tensor first = values.narrow(0, 0, rows).clone();
  values.narrow(0, 0, rows).copy_(values.narrow(0, rows, rows));
  values.narrow(0, rows, rows).copy_(first);
}

std::vector<Mutant> norm_mutants() {
  std::vector<Mutant> list;
  list.push_back(choice("nothing cut", {"olmo"}, [](ModelConfig& c) { c.clip_qkv = 0.0; }));
  list.push_back(choice("RMS for LayerNorm", {"starcoder2", "stablelm", "phi"}, [](ModelConfig& c) {
    c.norm = Norm::rms_norm;
  }));
  list.push_back(choice("norms of queries and keys head by head", {"olmo2"}, [](ModelConfig& c) {
    c.qk_norm = QkNorm::layer_norm;
  }));
  list.push_back(choice("no norms of queries and keys",
                        {"stablelm_parallel", "phi_normed", "olmo2_biases"},
                        [](ModelConfig& c) {
                          c.qk_norm = QkNorm::none;
                          c.qk_norm_bias = false;
                        }));
  list.push_back({"norms before instead of behind", {"olmo2"}, [](ModelConfig& c, Weights& w) {
                    c.norm_placement = NormPlacement::pre;
                    for (BlockWeights& block : w.blocks) {
                      block.ln1 = block.ln1_post;
                      block.ln2 = block.ln2_post;
                    }
                  }});
  list.push_back({"gains of two heads exchanged",
                  {"stablelm_parallel", "olmo2"},
                  [](ModelConfig& c, Weights& w) {
                    exchange(of_block(w, 0, &BlockWeights::q_norm), c.d_head);
                  }});
  list.push_back(
      {"no bias of the norm of keys' heads", {"phi_normed"}, [](ModelConfig&, Weights& w) {
         of_block(w, 1, &BlockWeights::k_norm_bias).fill_(0.0);
       }});
  return list;
}

std::vector<Mutant> family_mutants() {
  std::vector<Mutant> list;
  list.push_back(choice("a window one key too wide", {"starcoder2"}, [](ModelConfig& c) {
    for (LayerConfig& layer : c.layers) {
      layer.window += 1;
    }
  }));
  list.push_back(choice("all of each head rotated",
                        {"stablelm", "stablelm_parallel", "phi", "phi_normed"},
                        [](ModelConfig& c) { c.ropes[0].dim = c.d_head; }));
  list.push_back(
      choice("a parallel block run in sequence", {"stablelm_parallel", "phi"}, [](ModelConfig& c) {
        c.block_order = BlockOrder::sequential;
        c.shared_norm = false;
      }));
  list.push_back(
      choice("embeddings not scaled", {"gemma"}, [](ModelConfig& c) { c.embed_scale = 1.0; }));
  list.push_back(choice("SiLU where GELU is meant", {"gemma"}, [](ModelConfig& c) {
    c.activation = Activation::silu;
  }));
  list.push_back(
      {"no bias of the logits", {"phi"}, [](ModelConfig&, Weights& w) { w.b_U = Tensor(); }});
  return list;
}

}  // namespace

TEST_CASE("norms of another kind, elsewhere or left out are noticed") {
  check_mutants(norm_mutants());
}

TEST_CASE("windows, rotations, biases and scales of these families are noticed") {
  check_mutants(family_mutants());
}

TEST_CASE("what OLMo, StableLM, StarCoder 2, Gemma 1 and Phi do not run is refused by name") {
  check_refusals({
      {"olmo", R"({"clip_qkv": 0})", {"clip_qkv", "above 0"}},
      {"olmo", R"({"partial_rotary_factor": 0.5})", {"partial_rotary_factor"}},
      {"olmo2", R"({"sliding_window": 4})", {"sliding_window"}},
      {"stablelm", R"({"partial_rotary_factor": 1.5})", {"partial_rotary_factor", "1.5"}},
      {"stablelm", R"({"head_dim": 16})", {"head_dim", "16"}},
      {"stablelm", R"({"rope_pct": 0.5})", {"rope_pct"}},
      {"starcoder2", R"({"sliding_window": 0})", {"sliding_window"}},
      {"gemma", R"({"use_bidirectional_attention": true})", {"use_bidirectional_attention"}},
      {"phi", R"({"partial_rotary_factor": 0})", {"partial_rotary_factor"}},
  });
}

TEST_CASE("these families' configs mean by their silence what transformers takes") {
  const auto config = [](const char* fixture, std::initializer_list<const char*> erased) {
    const EditedModel model(fixture, [&](Json& c) {
      for (const char* name : erased) {
        c.erase(name);
      }
    });
    return summarize_model(model.path().string()).config;
  };
  CHECK(config("olmo", {"clip_qkv"}).clip_qkv == 0.0);
  CHECK(config("olmo2", {"rms_norm_eps"}).norm_eps == 1e-5);
  CHECK(config("stablelm", {"partial_rotary_factor"}).ropes[0].dim == 2);
  CHECK(config("phi", {"partial_rotary_factor"}).ropes[0].dim == 4);
  CHECK(config("starcoder2", {"sliding_window"}).layers[0].window == 0);
  CHECK(config("starcoder2", {"use_bias"}).mlp_bias);
  CHECK(config("gemma", {"hidden_act"}).activation == Activation::gelu_tanh);
}
