// What must hold inside one forward pass, whatever the weights.
#include <cmath>

#include "lib/model/norm.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Watch watched(const Model& model, const FixtureModel& fixture) {
  Watch watch;
  (void)model.forward(batch_of({prompt(read_tensors(fixture.expected), 0)}), watch);
  return watch;
}

void check_heads(const Model& model, const Watch& watch, int layer) {
  const Tensor b_O = model.weights().blocks[static_cast<std::size_t>(layer)].b_O;
  Tensor sum = watch.at(Site::result, layer).sum(2);
  sum = b_O.defined() ? sum + b_O : sum;
  CHECK(difference(sum, watch.at(Site::attn_raw_out, layer)) <= 1e-5);
  const Tensor rows = watch.at(Site::pattern, layer).sum(-1);
  if (model.config().attention_sinks) {  // which take a share, of some queries less than f32 tells
    CHECK((rows.min().item<float>() > 0.0F && rows.max().item<float>() <= 1.0F));
    CHECK(rows.min().item<float>() < 0.999F);
  } else if (model.config().normalizer == PatternNormalizer::softmax) {
    CHECK(difference(rows, at::ones(rows.sizes())) <= 1e-5);
  } else {
    CHECK(rows.min().item<float>() >= 0.0F);
  }
}

void check_stream(const Model& model, const Watch& watch, int layer) {
  const Tensor& pre = watch.at(Site::resid_pre, layer);
  const Tensor& post = watch.at(Site::resid_post, layer);
  const bool after_sum = model.config().norm_placement == NormPlacement::after_sum;
  Tensor sum = pre + watch.at(Site::attn_out, layer);
  if (after_sum) {
    CHECK(difference(sum, watch.at(Site::resid_mid, layer)) <= 1e-5);
    sum = watch.at(Site::mlp_in, layer);
  }
  sum = has_mlp(model.config()) ? sum + watch.at(Site::mlp_out, layer) : sum;
  CHECK(difference(sum, post) <= 1e-5);
  if (layer + 1 < model.config().n_layers) {
    CHECK(identical(after_sum ? watch.at(Site::normalized_resid_post, layer) : post,
                    watch.at(Site::resid_pre, layer + 1)));
  }
}

// Of a model that normalises its stream: what reads it reads what a norm made of the last sum.
void check_normed_sums(const Watch& watch, const BlockWeights& block, int layer) {
  const auto normed = [&](Site site, const NormWeights& norm) {
    return watch.at(site, layer) * norm.gain + norm.bias;
  };
  for (const Site site : {Site::attn_q_in, Site::attn_k_in, Site::attn_v_in}) {
    CHECK(identical(watch.at(site, layer), watch.at(Site::resid_pre, layer)));
  }
  for (const Site site : {Site::mlp_in, Site::mlp_block_in}) {
    CHECK(difference(watch.at(site, layer), normed(Site::ln1_normalized, block.ln1)) <= 1e-5);
  }
  CHECK(difference(watch.at(Site::normalized_resid_post, layer),
                   normed(Site::ln2_normalized, block.ln2)) <= 1e-5);
}

// What each head, the MLP and the projections read.
void check_inputs(const Model& model, const Watch& watch, int layer) {
  const ModelConfig& c = model.config();
  const BlockWeights& block = model.weights().blocks[static_cast<std::size_t>(layer)];
  const Tensor stream = watch.at(Site::resid_pre, layer).unsqueeze(2);
  for (const Site site : {Site::q_input, Site::k_input, Site::v_input}) {
    const Tensor& input = watch.at(site, layer);
    CHECK(input.size(2) == (site == Site::q_input ? c.n_heads : c.n_kv_heads));
    CHECK(difference(input, stream.expand(input.sizes())) == 0);
  }
  if (c.norm_placement == NormPlacement::after_sum) {
    check_normed_sums(watch, block, layer);
    return;
  }
  if (has_mlp(c)) {
    const Tensor& read = watch.at(has_resid_mid(c) ? Site::resid_mid : Site::resid_pre, layer);
    CHECK(identical(watch.at(Site::mlp_in, layer), read));
  }

  Tensor normed = norm_before(c) == Norm::none
                      ? watch.at(Site::resid_pre, layer)
                      : with_gain(watch.at(Site::ln1_normalized, layer), block.ln1);
  normed = block.ln1.bias.defined() ? normed + block.ln1.bias : normed;
  for (const Site site : {Site::attn_q_in, Site::attn_k_in, Site::attn_v_in}) {
    CHECK(difference(watch.at(site, layer), normed) <= 1e-5);
  }
  if (has_post_norm(c)) {
    CHECK(difference(watch.at(Site::ln1_post_normalized, layer) * block.ln1_post.gain,
                     watch.at(Site::attn_out, layer)) <= 1e-5);
    CHECK(difference(watch.at(Site::ln2_post_normalized, layer) * block.ln2_post.gain,
                     watch.at(Site::mlp_out, layer)) <= 1e-5);
  }
}

void check_logits(const Model& model, const Watch& watch, const Tensor& logits) {
  const double cap = model.config().logit_softcap;
  const Tensor& raw = watch.at(Site::unembed_out);
  CHECK(difference(cap > 0 ? at::tanh(raw / cap) * cap : raw, logits) <= 1e-5);
  Tensor product = at::matmul(watch.at(Site::unembed_in), model.weights().W_U.t());
  const Tensor& bias = model.weights().b_U;
  product = bias.defined() ? product + bias : product;
  CHECK(difference(product, raw) <= 1e-5);
}

}  // namespace

TEST_CASE("heads sum to the attention output, patterns to one, parts to the residual stream") {
  for (const FixtureModel& fixture : all_fixtures()) {
    DYNAMIC_SECTION(fixture.name) {
      const Model model = load(fixture);
      const Watch watch = watched(model, fixture);
      for (int layer = 0; layer < model.config().n_layers; ++layer) {
        INFO("layer " << layer);
        check_heads(model, watch, layer);
        check_stream(model, watch, layer);
        check_inputs(model, watch, layer);
      }
      const Tensors expected = read_tensors(fixture.expected);
      check_logits(model, watch, model.forward(batch_of({prompt(expected, 0)})).logits);
    }
  }
}

TEST_CASE("the per-head weights multiply as the papers write them") {
  for (const char* name : {"gpt2_untied", "llama3_gqa_tied", "gpt_neox"}) {
    DYNAMIC_SECTION(name) {
      const FixtureModel fixture = huggingface_fixture(name);
      const Model model = load(fixture);
      const Watch watch = watched(model, fixture);
      const Tensor& z = watch.at(Site::z, 1);  // [b, p, h, d_head]
      const Tensor result = at::einsum("bphd,hdm->bphm", {z, model.W_O(1)});
      CHECK(difference(result, watch.at(Site::result, 1)) <= 1e-5);
      const BlockWeights& block = model.weights().blocks[1];
      if (!block.b_QKV.defined()) {
        const Tensor& in = watch.at(Site::attn_q_in, 1);
        const auto project = [&](const Tensor& w) { return at::einsum("bpm,hmd->bphd", {in, w}); };
        CHECK(difference(project(model.W_Q(1)), watch.at(Site::q, 1)) <= 1e-5);
        CHECK(difference(project(model.W_K(1)), watch.at(Site::k, 1)) <= 1e-5);
        CHECK(difference(project(model.W_V(1)), watch.at(Site::v, 1)) <= 1e-5);
      }
    }
  }
}
