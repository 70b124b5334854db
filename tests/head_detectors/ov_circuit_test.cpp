// What heads write of one token, and the ranks of that token, against runs and plain products.
#include "analyses/head_detectors/ov_circuit.h"

#include <ATen/ops/linalg_eigvals.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/real.h>

#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/effective_embedding.h"
#include "analyses/head_detectors/head_weights.h"
#include "analyses/head_detectors/token_sample.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/model/norm.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/head_table.h"
#include "tests/support/induction_model.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::string> kOvCircuitFamilies{
    "gpt2", "gpt_neox", "llama3_gqa_tied", "qwen3", "gemma2", "llama_biases"};

}  // namespace

TEST_CASE("a head that sees one token alone writes what its OV circuit says") {
  for (const std::string& name : kOvCircuitFamilies) {
    const Model model = load(huggingface_fixture(name));
    const ModelConfig& c = model.config();
    const std::int64_t layer = 1;
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      CAPTURE(name, head);
      // A prompt of one token: every pattern is 1. All other heads are off.
      Edits others;
      others.at("blocks.1.attn.hook_z").apply([&](const Visit&, const Tensor& z) {
        const Tensor kept = at::zeros_like(z);
        kept.select(2, head).copy_(z.select(2, head));
        return kept;
      });
      Recorder seen{"blocks.1.hook_resid_pre", "blocks.1.hook_attn_out"};
      model.forward(batch_of({{7}}), others | seen);
      const Tensor stream = seen.at("blocks.1.hook_resid_pre")[0];
      Tensor want = seen.at("blocks.1.hook_attn_out")[0];
      const Tensor& b_O = model.weights().blocks[layer].b_O;
      if (b_O.defined()) {
        want = want - b_O;
      }
      CHECK(difference(ov_written(model, layer, stream, Biases::kept)[head], want) < 1e-5);
    }
  }
}

TEST_CASE("queries, keys and values projected from a stream are those a pass shows") {
  for (const std::string& name : kOvCircuitFamilies) {
    const Model model = load(huggingface_fixture(name));
    const ModelConfig& c = model.config();
    CAPTURE(name);
    Recorder seen{"blocks.1.hook_resid_pre", "blocks.1.attn.hook_{q,k,v}"};
    model.forward(batch_of({{7, 8, 9}}), seen);
    const Tensor stream = seen.at("blocks.1.hook_resid_pre");
    const auto check = [&](HeadInput part, const std::string& hook, HeadRange heads) {
      CAPTURE(hook);
      if (part != HeadInput::v && c.qk_norm != QkNorm::none) {
        return;  // the hook comes before QK-norm
      }
      const Tensor want = seen.at("blocks.1.attn." + hook).narrow(2, heads.first, heads.count);
      CHECK(difference(project_heads(model, {1, part, heads}, stream), want) < 1e-5);
    };
    check(HeadInput::q, "hook_q", {1, c.n_heads - 1});
    check(HeadInput::k, "hook_k", {c.n_kv_heads - 1, 1});
    check(HeadInput::v, "hook_v", {0, c.n_kv_heads});
  }
}

TEST_CASE("without biases it is the folded matrices over the divisor of the norm") {
  for (const std::string& name : kOvCircuitFamilies) {
    const Model model = load(huggingface_fixture(name));
    const ModelConfig& c = model.config();
    CAPTURE(name);
    const Tensor streams = at::randn({5, c.d_model}, at::kFloat);
    const Tensor scale = norm_parts(streams, c.norm, c.norm_eps).scale;
    const HeadWeights w = head_weights(model, 1);
    Tensor want = at::matmul(at::matmul(streams / scale, w.V), w.O);
    const Tensor got = ov_written(model, 1, streams, Biases::dropped);
    if (c.norm_placement == NormPlacement::sandwich) {  // equal but for a divisor a row
      want = want / want.norm(2, {-1}, true) * got.norm(2, {-1}, true);
    }
    CHECK(difference(got, want) < 1e-5);
  }
}

TEST_CASE("the effective embedding is a run without attention and positions") {
  for (const std::string& name : kOvCircuitFamilies) {
    const Model model = load(huggingface_fixture(name));
    CAPTURE(name);
    Edits off;
    off.at("blocks.0.hook_attn_out").zero();
    if (model.config().positions == Positions::learned) {
      off.at("hook_pos_embed").zero();
    }
    Recorder seen{"blocks.0.hook_resid_post", "blocks.0.hook_mlp_out"};
    model.forward(batch_of({{3}, {9}}), off | seen);
    using Part = EffectiveEmbedding::Part;
    CHECK(difference(effective_embedding(model, {3, 9}),
                     seen.at("blocks.0.hook_resid_post").squeeze(1)) < 1e-6);
    CHECK(difference(effective_embedding(model, {3, 9}, {.part = Part::mlp}),
                     seen.at("blocks.0.hook_mlp_out").squeeze(1)) < 1e-6);
  }
}

TEST_CASE("an effective embedding without the norm reads the embedding as it is") {
  const Model model = load(huggingface_fixture("llama"));
  const Tensor got = effective_embedding(
      model, {4}, {EffectiveEmbedding::Part::mlp, EffectiveEmbedding::Norm::skipped});
  const BlockWeights& block = model.weights().blocks[0];
  const Tensor in = at::linear(embedding(model)[4], block.W_in);
  const std::int64_t d_mlp = model.config().d_mlp;
  const Tensor want =
      at::linear(at::silu(in.narrow(0, 0, d_mlp)) * in.narrow(0, d_mlp, d_mlp), block.W_out);
  CHECK(difference(got[0], want) < 1e-5);
}

TEST_CASE("a token's place among the logits is that of the whole order, screened or not") {
  for (const std::string name : {"gpt2", "llama3_gqa_tied", "gemma2"}) {
    const Model model = load(huggingface_fixture(name));
    const ModelConfig& c = model.config();
    const Tensor rows = at::randn({60, c.d_model}, at::kFloat);
    const Tensor tokens = at::randint(0, c.d_vocab, {60}, at::kLong);
    const Resume from{Batch(std::vector<std::vector<std::int32_t>>(60, {0})).layout(),
                      rows.unsqueeze(1),
                      c.n_layers};
    const Tensor logits = model.resume(from, {.logits = Logits::last}).logits;
    const Tensor own = logits.gather(1, tokens.unsqueeze(1));
    for (const std::int64_t screen : {7L, 40L, c.d_vocab}) {
      CAPTURE(name, screen);
      const OwnLogits ranks(model, Biases::kept, screen, 3);
      const std::int64_t k = c.d_vocab / 3;
      CHECK(ranks.among(rows, tokens, OwnLogits::Side::highest, k)
                .equal(logits.gt(own).sum(1).lt(k)));
      CHECK(
          ranks.among(rows, tokens, OwnLogits::Side::lowest, k).equal(logits.lt(own).sum(1).lt(k)));
    }
    if (static_cast<std::int64_t>(sample_tokens(model, c.d_vocab, 0).size()) == c.d_vocab) {
      const Tensor below =
          logits.lt(own).sum(1).to(at::kDouble) / static_cast<double>(c.d_vocab - 1);
      const OwnLogits whole(model, Biases::kept, c.d_vocab, 0);
      CHECK(difference(whole.rank_from_below(rows, tokens), below) < 1e-9);
    }
  }
}

TEST_CASE("eigenvalues of the small matrix are those of the product over the vocabulary") {
  for (const std::string& name : kOvCircuitFamilies) {
    const Model model = load(huggingface_fixture(name));
    CAPTURE(name);
    const Finding found = copying_detector().run({.model = model, .seeds = {0}});
    const HeadWeights w = head_weights(model, 1);
    const Tensor W_U = folded_unembedding(model);
    const Tensor W_E = embedding(model).to(at::kDouble);
    for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
      const Tensor circuit =
          at::matmul(at::matmul(W_E, w.V[head].to(at::kDouble)),
                     at::matmul(w.O[head].to(at::kDouble),
                                (W_U - W_U.mean(0, true)).to(at::kDouble).t()));  // [V, V]
      const Tensor eigenvalues = at::linalg_eigvals(circuit);
      const double want =
          at::real(eigenvalues).sum().item<double>() / eigenvalues.abs().sum().item<double>();
      CHECK(mean_score(found.scores, model.config(), 1, head) == Approx(want).margin(1e-4));
    }
  }
}
