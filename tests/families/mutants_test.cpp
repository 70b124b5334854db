// The parity tests bite: models broken in the ways real loaders get broken must fall far outside
// the tolerance that parity_test.cpp allows.
#include "tests/support/mutants.h"

#include <algorithm>
#include <cmath>

#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Head `head`'s rows of `part` (0 queries, 1 keys, 2 values), stored with their axes exchanged.
void transpose_head(const ModelConfig& c, Tensor& W_QKV, std::int64_t part, std::int64_t head) {
  const std::int64_t first = part == 0 ? 0 : c.n_heads + (part - 1) * c.n_kv_heads;
  Tensor rows = W_QKV.narrow(0, (first + head) * c.d_head, c.d_head);
  rows.copy_(rows.t().contiguous().view({c.d_head, c.d_model}));
}

void exchange_rows(Tensor& weight, std::int64_t a, std::int64_t b, std::int64_t rows) {
  const Tensor first = weight.narrow(0, a, rows).clone();
  weight.narrow(0, a, rows).copy_(weight.narrow(0, b, rows));
  weight.narrow(0, b, rows).copy_(first);
}

void add_weight_mutants(std::vector<Mutant>& list) {
  for (const std::int64_t part : {0, 1, 2}) {
    list.push_back({"a transposed head",
                    {"gpt2", "llama3_gqa_tied", "gemma3", "hooked_plain"},
                    [part](ModelConfig& c, Weights& w) {
                      transpose_head(c, of_block(w, 1, &BlockWeights::W_QKV), part, 1);
                    }});
  }
  list.push_back({"a transposed head of W_O",
                  {"gpt_neox", "llama", "qwen3", "hooked_attn_only"},
                  [](ModelConfig& c, Weights& w) {
                    Tensor columns =
                        of_block(w, 1, &BlockWeights::W_O).narrow(1, c.d_head, c.d_head);
                    columns.copy_(columns.t().contiguous().view({c.d_model, c.d_head}));
                  }});
  list.push_back({"layers shifted by one",
                  {"gpt2", "gpt_neox", "llama", "qwen3", "gemma2", "gemma3"},
                  [](ModelConfig&, Weights& w) {
                    std::rotate(w.blocks.begin(), w.blocks.begin() + 1, w.blocks.end());
                  }});
  list.push_back(
      {"keys and values exchanged", {"gpt2", "gpt_neox", "qwen3"}, [](ModelConfig& c, Weights& w) {
         const std::int64_t rows = c.n_kv_heads * c.d_head;
         const std::int64_t keys = c.n_heads * c.d_head;
         exchange_rows(of_block(w, 0, &BlockWeights::W_QKV), keys, keys + rows, rows);
       }});
  list.push_back({"KV heads handed out in turn (tile for repeat_interleave)",
                  {"llama3_gqa_tied", "mistral", "qwen2", "qwen3", "gemma2"},
                  [](ModelConfig& c, Weights& w) {
                    exchange_rows(
                        of_block(w, 0, &BlockWeights::W_QKV), c.d_head, 2 * c.d_head, c.d_head);
                  }});
  list.push_back({"no bias of the logits", {"hooked_plain"}, [](ModelConfig&, Weights& w) {
                    w.b_U = Tensor();
                  }});
  list.push_back({"no biases of keys", {"qwen2", "qwen2_window"}, [](ModelConfig& c, Weights& w) {
                    of_block(w, 0, &BlockWeights::b_QKV)
                        .narrow(0, c.n_heads * c.d_head, c.n_kv_heads * c.d_head)
                        .fill_(0.0);
                  }});
  list.push_back({"gate and up exchanged", {"llama", "gemma3"}, [](ModelConfig& c, Weights& w) {
                    exchange_rows(of_block(w, 0, &BlockWeights::W_in), 0, c.d_mlp, c.d_mlp);
                  }});
  list.push_back({"a gain off by one", {"gemma2", "gemma3_v5"}, [](ModelConfig&, Weights& w) {
                    w.blocks[0].ln2_post.gain = w.blocks[0].ln2_post.gain - 1.0;
                  }});
}

void add_position_mutants(std::vector<Mutant>& list) {
  list.push_back({"dropped rope scaling",
                  {"llama3_gqa_tied", "llama3_v4", "llama_linear_mqa", "gemma3"},
                  [](ModelConfig& c, Weights&) {
                    for (Rope& rope : c.ropes) {
                      rope.scaling = {};
                    }
                  }});
  list.push_back({"global and local layers exchanged",
                  {"gemma2", "qwen3_window", "qwen2_window", "gemma3"},
                  [](ModelConfig& c, Weights&) {
                    std::int64_t window = 0;
                    for (const LayerConfig& layer : c.layers) {
                      window = std::max(window, layer.window);
                    }
                    for (LayerConfig& layer : c.layers) {
                      layer.window = layer.window > 0 ? 0 : window;
                      layer.rope = c.ropes.size() > 1 ? 1 - layer.rope : layer.rope;
                    }
                  }});
  list.push_back({"one rope base for all layers", {"gemma3"}, [](ModelConfig& c, Weights&) {
                    c.ropes[1] = c.ropes[0];
                  }});
  list.push_back({"a window one key too wide",
                  {"gemma2", "gemma3", "qwen3_window", "qwen2_window", "mistral", "hooked_plain"},
                  [](ModelConfig& c, Weights&) {
                    for (LayerConfig& layer : c.layers) {
                      layer.window += layer.window > 0 ? 1 : 0;
                    }
                  }});
  list.push_back({"all of each head rotated",
                  {"gpt_neox", "gpt_neox_sequential", "hooked_rotary"},
                  [](ModelConfig& c, Weights&) { c.ropes[0].dim = c.d_head; }});
}

void add_choice_mutants(std::vector<Mutant>& list) {
  const auto choice = [&](const char* what, std::vector<const char*> fixtures, auto change) {
    list.push_back({what, std::move(fixtures), [change](ModelConfig& c, Weights&) { change(c); }});
  };
  choice("no soft-cap of scores", {"gemma2", "gemma2_v5"}, [](ModelConfig& c) {
    c.score_softcap = 0;
  });
  choice("no soft-cap of logits", {"gemma2", "gemma3_v5"}, [](ModelConfig& c) {
    c.logit_softcap = 0;
  });
  choice("scores scaled by the head size", {"gemma2", "gemma3", "gpt2_untied"}, [](ModelConfig& c) {
    c.attn_scale = 1 / std::sqrt(static_cast<double>(c.d_head));
  });
  choice("embeddings not scaled", {"gemma2", "gemma3"}, [](ModelConfig& c) { c.embed_scale = 1; });
  choice("a parallel block run in sequence", {"gpt_neox"}, [](ModelConfig& c) {
    c.block_order = BlockOrder::sequential;
  });
  choice("no QK-norm", {"qwen3", "gemma3"}, [](ModelConfig& c) { c.qk_norm = QkNorm::none; });
  choice("softmax for ReLU", {"hooked_attn_only"}, [](ModelConfig& c) {
    c.normalizer = PatternNormalizer::softmax;
  });
  choice(
      "GELU for ReLU", {"hooked_plain"}, [](ModelConfig& c) { c.activation = Activation::gelu; });
  choice("SiLU for GELU", {"gemma2"}, [](ModelConfig& c) { c.activation = Activation::silu; });
}

std::vector<Mutant> mutants() {
  std::vector<Mutant> list;
  add_weight_mutants(list);
  add_position_mutants(list);
  add_choice_mutants(list);
  return list;
}

}  // namespace

TEST_CASE("a broken model fails the comparison that a whole one passes") {
  check_mutants(mutants());
}

TEST_CASE("a hook that shows another layer's or head's value fails its comparison") {
  const FixtureModel fixture = huggingface_fixture("gemma2");
  const Tensors expected = read_tensors(fixture.expected);
  const Model model = load(fixture);
  Watch watch;
  (void)model.forward(batch_of({prompt(expected, 0)}), watch);
  for (const auto& [name, want] : expected) {
    if (is_hook(name) && name.starts_with("blocks.0.")) {
      INFO(name);
      const std::string next = "blocks.1." + name.substr(9);
      CHECK(difference(watch.at(next), want) > kFar);
    }
  }
  for (const char* name : {"attn.hook_z", "attn.hook_q", "attn.hook_rot_q", "attn.hook_result"}) {
    INFO(name);
    const Tensor& want = expected.at(std::string("blocks.0.") + name);
    CHECK(difference(watch.at(std::string("blocks.0.") + name).roll(1, 2), want) > kFar);
  }
}
