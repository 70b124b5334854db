// Copy scores against the definition written out.
#include "analyses/circuit/copying.h"

#include <fmt/format.h>

#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/induction_model.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// What a head writes when it attends to one token alone with full weight: a run whose layer `layer`
// reads the stream behind the first block, and whose pattern looks nowhere else.
Tensor written_by_run(const Model& model,
                      const std::vector<TokenId>& tokens,
                      std::int64_t at,
                      const HeadId& head) {
  Recorder first{"blocks.0.hook_resid_post"};
  const Batch batch = batch_of({tokens});
  model.forward(batch, first);
  const Resume from{batch.layout(), first.at("blocks.0.hook_resid_post"), head.layer};
  Recorder value({fmt::format("blocks.{}.attn.hook_v", head.layer)});
  model.resume(from, value, {.logits = Logits::none, .to_layer = head.layer + 1});
  const std::int64_t group = model.config().n_heads / model.config().n_kv_heads;
  const Tensor v =
      value.at(value.names().front())[0].select(0, at).select(0, head.head / group);  // [d_head]
  return at::matmul(v, model.W_O(head.layer)[head.head]);
}

bool in_top(const Model& model, const Tensor& stream, TokenId token, std::int64_t top) {
  const BatchLayout layout = batch_of({{token}}).layout();
  const Resume from{layout, stream.view({1, 1, -1}), model.config().n_layers};
  const Tensor logits = model.resume(from, {.logits = Logits::last}).logits[0];
  return logits.gt(logits[token]).sum().item<std::int64_t>() < top;
}

}  // namespace

TEST_CASE("copy scores are those of a run whose head sees one token alone") {
  for (const std::string name : {"gpt2", "llama3_gqa_tied"}) {
    const Model model = load(huggingface_fixture(name));
    const Task task = random_task({.lengths = {9, 8, 9}, .d_vocab = model.config().d_vocab});
    const std::int64_t top = model.config().d_vocab / 3;
    for (const HeadId head : {HeadId{1, 0}, HeadId{1, 3}}) {
      CAPTURE(name, head.head);
      double copies = 0.0;
      double suppresses = 0.0;
      for (const TaskItem& item : task.items) {
        for (std::int64_t t = item.clean.spans.at("S").begin; t < item.clean.spans.at("S").end;
             ++t) {
          const TokenId token = item.clean.tokens[static_cast<std::size_t>(t)];
          const Tensor out = written_by_run(model, item.clean.tokens, t, head);
          copies += in_top(model, out, token, top) ? 1.0 / 6 : 0.0;
          suppresses += in_top(model, -out, token, top) ? 1.0 / 6 : 0.0;
        }
      }
      const CopyScore got = copy_scores(model, task, {head}, {"S"}, top).front();
      CHECK(got.copies == Approx(copies));
      CHECK(got.suppresses == Approx(suppresses));
    }
  }
}

TEST_CASE("a head that writes nothing copies and suppresses nothing") {
  const Model model = induction_model();  // head 1.3 has no W_O: all its logits are equal
  const Task task = random_task({.lengths = {9, 8, 9}, .d_vocab = model.config().d_vocab});
  REQUIRE(model.W_O(1)[3].abs().max().item<float>() == 0.0f);
  const CopyScore got =
      copy_scores(model, task, {{1, 3}}, {"S"}, model.config().d_vocab - 1).front();
  CHECK(got.copies == 0.0);
  CHECK(got.suppresses == 0.0);
}
