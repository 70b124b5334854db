#include "hooks/edits.h"

#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const FixtureModel& grouped() {
  static const FixtureModel fixture = huggingface_fixture("llama");
  return fixture;
}

Batch two_prompts() {
  return Batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}});
}

}  // namespace

TEST_CASE("a selected part is edited, the rest stays bit for bit, and recorders see the result") {
  const Model model = load(grouped());
  Recorder before{"blocks.1.attn.hook_z"};
  model.forward(two_prompts(), before);
  Edits edits;
  edits.at("blocks.1.attn.hook_z", {.heads = {{1}}, .positions = {{-1}}, .prompts = {{1}}}).zero();
  Recorder after{"blocks.1.attn.hook_z"};
  model.forward(two_prompts(), edits | after);
  Tensor expected = before.at("blocks.1.attn.hook_z").clone();
  expected[1][5][1].zero_();  // prompt 1's last token sits in the last column: padding is left
  CHECK(identical(after.at("blocks.1.attn.hook_z"), expected));
}

TEST_CASE("positions count a prompt's own tokens, from either end") {
  const Model model = load(grouped());
  Edits first;
  first.at("blocks.0.hook_resid_pre", {.positions = {{0}}}).zero();
  Recorder seen{"blocks.0.hook_resid_pre"};
  model.forward(two_prompts(), first | seen);
  const Tensor value = seen.at("blocks.0.hook_resid_pre");
  CHECK(value[0][0].abs().max().item<float>() == 0.0f);
  CHECK(value[1][3].abs().max().item<float>() == 0.0f);  // after three columns of padding
  CHECK(value[1][4].abs().max().item<float>() > 0.0f);
}

TEST_CASE("prompts that a selection leaves out need not have its positions") {
  const Model model = load(grouped());
  Edits edits;
  edits.at("blocks.0.hook_resid_pre", {.positions = {{5, -6}}, .prompts = {{0}}}).zero();
  Recorder before{"blocks.0.hook_resid_pre"};
  model.forward(two_prompts(), before);
  Recorder seen{"blocks.0.hook_resid_pre"};
  model.forward(two_prompts(), edits | seen);  // prompt 1 has three tokens
  Tensor expected = before.at("blocks.0.hook_resid_pre").clone();
  expected[0][5].zero_();
  expected[0][0].zero_();
  CHECK(identical(seen.at("blocks.0.hook_resid_pre"), expected));
  Edits lost;
  lost.at("blocks.0.hook_resid_pre", {.positions = {{5}}, .prompts = {{0, 1}}}).zero();
  CHECK_THROWS_WITH(model.forward(two_prompts(), lost), contains("position 5 of prompt 1"));
}

TEST_CASE("add and replace broadcast stored values and refuse those that do not fit") {
  const Model model = load(grouped());
  const auto d_head = model.config().d_head;
  Edits edits;
  edits.at("blocks.0.attn.hook_z").replace(at::full({d_head}, 2.0));
  edits.at("blocks.0.attn.hook_z", {.heads = {{0}}}).add(at::ones({d_head}));
  Recorder seen{"blocks.0.attn.hook_z"};
  model.forward(two_prompts(), edits | seen);
  CHECK((seen.at("blocks.0.attn.hook_z", {.prompt = 0, .head = 0}) == 3.0).all().item<bool>());
  CHECK((seen.at("blocks.0.attn.hook_z", {.prompt = 0, .head = 1}) == 2.0).all().item<bool>());

  Edits wrong;
  wrong.at("blocks.0.attn.hook_z").replace(at::ones({d_head + 1}));
  CHECK_THROWS_WITH(model.forward(two_prompts(), wrong), contains("do not fit"));
}

TEST_CASE("an edited pattern moves the layer to the explicit path and reaches z") {
  const Model model = load(grouped());
  Edits edits;
  edits.at("blocks.0.attn.hook_pattern", {.heads = {{2}}}).zero();
  Recorder seen{"blocks.0.attn.hook_z"};
  model.forward(two_prompts(), edits | seen);
  CHECK(seen.at("blocks.0.attn.hook_z", {.head = 2}).abs().max().item<float>() == 0.0f);
  CHECK(seen.at("blocks.0.attn.hook_z", {.head = 1}).abs().max().item<float>() > 0.0f);
}

TEST_CASE("heads of queries and of KV are different index spaces, each checked") {
  const Model model = load(grouped());
  const auto heads = model.config().n_heads;
  const auto kv_heads = model.config().n_kv_heads;
  Edits query;
  query.at("blocks.0.attn.hook_q", {.heads = {{heads}}}).zero();
  CHECK_THROWS_WITH(model.forward(two_prompts(), query), contains("out of range"));
  Edits key;
  key.at("blocks.0.attn.hook_k", {.heads = {{kv_heads}}}).zero();
  CHECK_THROWS_WITH(model.forward(two_prompts(), key), contains("kv_head"));
  Edits shared;
  shared.at("blocks.0.attn.hook_v", {.kv_heads = {{kv_heads}}}).zero();
  CHECK_THROWS_WITH(model.forward(two_prompts(), shared), contains("out of range"));
  Edits query_as_kv;
  query_as_kv.at("blocks.0.attn.hook_q", {.kv_heads = {{0}}}).zero();
  CHECK_THROWS_WITH(model.forward(two_prompts(), query_as_kv), contains("select them as heads"));
  Edits negative;
  negative.at("blocks.0.attn.hook_z", {.heads = {{-1}}}).zero();
  CHECK_THROWS_WITH(model.forward(two_prompts(), negative), contains("out of range"));
  Edits stream;
  stream.at("blocks.0.hook_resid_pre", {.heads = {{0}}}).zero();
  CHECK_THROWS_WITH(model.forward(two_prompts(), stream), contains("no head axis"));
}

TEST_CASE("positions and prompts beyond the batch are errors") {
  const Model model = load(grouped());
  Edits far;
  far.at("blocks.0.hook_resid_pre", {.positions = {{3}}}).zero();  // prompt 1 has three tokens
  CHECK_THROWS_WITH(model.forward(two_prompts(), far), contains("position 3 of prompt 1"));
  Edits near;  // prompt 0 has six, and prompt 1 is not asked
  near.at("blocks.0.hook_resid_pre", {.positions = {{3}}, .prompts = {{0}}}).zero();
  CHECK_NOTHROW(model.forward(two_prompts(), near));
  Edits many;
  many.at("blocks.0.hook_resid_pre", {.prompts = {{2}}}).zero();
  CHECK_THROWS_AS(model.forward(two_prompts(), many), UsageError);
}

TEST_CASE("a hook the pass does not reach is an error") {
  const Model model = load(grouped());
  Recorder late{"blocks.1.hook_resid_pre"};
  CHECK_THROWS_WITH(model.forward(two_prompts(), late, {.to_layer = 1}), contains("never fired"));
  Edits typo;
  typo.at("blocks.0.attn.hook_zz").zero();
  CHECK_THROWS_WITH(model.forward(two_prompts(), typo), contains("did you mean"));
}

TEST_CASE("an edit that changes nothing is an error, where the pass shows all it could mean") {
  const Model model = load(grouped());
  const std::string name = "blocks.0.attn.hook_attn_scores";
  Edits unseen;
  unseen.at("blocks.0.attn.hook_z").scale(2.0);
  unseen.at(name, {.pairs = {{{1, 2}}}}).bias(1.0);  // no query sees a later key
  CHECK_THROWS_WITH(model.forward(two_prompts(), unseen),
                    contains("intervention 1 (bias of " + name + ") never changed anything"));
  Edits no_head;
  no_head.at("blocks.0.attn.hook_z", {.heads = std::vector<std::int64_t>{}})
      .apply([](const Visit&, const Tensor& value) { return value; });
  CHECK_THROWS_WITH(model.forward(two_prompts(), no_head), contains("(a function of"));
  // One of many batches, or a step of decoding, may meet what is selected, or not.
  Edits second;
  second.at("blocks.0.attn.hook_z", {.prompts = {{7}}}).zero();
  Batch numbered = two_prompts();
  numbered.number_prompts({3, 4});
  CHECK_NOTHROW(model.forward(numbered, second));
  Edits first_token;
  first_token.at("blocks.0.attn.hook_z", {.positions = {{0}}}).zero();
  KvCache cache(model.config());
  model.forward(Batch({{5, 6, 7}}), first_token, {.cache = &cache});
  CHECK(first_token.fired(0) == 1);
  model.forward(batch_of({{8}}), first_token, {.cache = &cache});
  CHECK(first_token.fired(0) == 0);
}

TEST_CASE("in a chunked pass an edit meets its position once, and recorders join the chunks") {
  const Model model = load(grouped());
  const auto run = [&](std::int64_t chunk) {
    Edits edits;
    edits.at("blocks.0.attn.hook_z", {.positions = {{4}}, .prompts = {{0}}}).scale(-1.0);
    Recorder seen{"blocks.1.attn.hook_pattern", "blocks.1.attn.hook_rot_k"};
    const Tensor logits =
        model.forward(Batch({{5, 6, 7, 8, 9, 10}}), edits | seen, {.chunk = chunk}).logits;
    return std::vector<Tensor>{
        logits, seen.at("blocks.1.attn.hook_pattern"), seen.at("blocks.1.attn.hook_rot_k")};
  };
  const auto whole = run(0);
  const auto chunked = run(4);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK(difference(chunked[i], whole[i]) < 1e-5);
  }
}
