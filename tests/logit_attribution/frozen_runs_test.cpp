// Every share against runs written out with hooks.
#include <algorithm>
#include <cmath>

#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "tests/logit_attribution/attributed.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// The logits without one thing, all that reads it frozen at what it was: later attention and MLPs,
// and every divisor between it and the logits.
class FrozenRun {
 public:
  FrozenRun(const Model& model, const TaskItem& item)
      : model_(model), item_(item), batch_({item.clean.tokens}) {
    before_ = logit_diff(model.forward(batch_, whole_, {.logits = Logits::last}).logits, 0, item);
  }

  // How much the last token's `name` of a layer, zeroed for one head or whole, adds.
  double share(const std::string& name, int layer, std::optional<std::int64_t> head) {
    Edits edits;
    Selection last{.positions = {{-1}}};
    if (head) {
      last.heads = {{*head}};
    }
    edits.at(layer < 0 ? name : "blocks." + std::to_string(layer) + "." + name, last).zero();
    freeze(edits, "ln_final.hook_scale");
    for (int later = std::max(layer, 0); later < model_.config().n_layers; ++later) {
      const std::string block = "blocks." + std::to_string(later) + ".";
      const bool attention = later > layer || layer < 0;
      if (attention) {
        freeze(edits, block + "hook_attn_out");
      } else if (has_post_norm(model_.config())) {
        freeze(edits, block + "ln1_post.hook_scale");
      }
      if (attention || name != "hook_mlp_out") {
        freeze(edits, block + "hook_mlp_out");
      }
    }
    const Tensor without = model_.forward(batch_, edits, {.logits = Logits::last}).logits;
    return before_ - logit_diff(without, 0, item_);
  }

 private:
  void freeze(Edits& edits, const std::string& name) { edits.at(name).replace(whole_.at(name)); }

  const Model& model_;
  const TaskItem& item_;
  Batch batch_;
  Recorder whole_{"*hook_attn_out", "*hook_mlp_out", "*hook_scale"};
  double before_ = 0.0;
};

}  // namespace

TEST_CASE("every share is what its absence takes from the logits, all after it frozen") {
  for (const FixtureModel& fixture : summed_fixtures()) {
    const Model model = marked(load(fixture));
    const Task task = task_of(model, {9, 10, 11, 12});
    const LogitAttribution result = attributed(model, task.items);
    const Components components(model);
    FrozenRun truth(model, task.items[1]);
    const auto check = [&](std::int64_t cell, double want) {
      CAPTURE(fixture.name, cell, share_of(result, cell, 1), want);
      CHECK(close(share_of(result, cell, 1), want));
      CHECK(std::abs(want) > 1e-6);
    };
    for (int layer = 0; layer < model.config().n_layers; ++layer) {
      for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
        check(components.of(Node::of({layer, head})), truth.share("attn.hook_z", layer, head));
      }
      check(components.of(Node::mlp(layer)), truth.share("hook_mlp_out", layer, {}));
    }
    check(components.token(), truth.share("hook_embed", -1, {}));
    if (model.config().positions == Positions::learned) {
      check(components.position(), truth.share("hook_pos_embed", -1, {}));
    }
  }
}

TEST_CASE("b_O is one component a layer, β and b_U another") {
  const Model model = marked(load(huggingface_fixture("gpt2")));
  const Task task = task_of(model, {9, 9, 9});
  const Components components(model);
  const LogitAttribution with = attributed(model, task.items);
  const Model bare = altered(model, [](ModelConfig&, Weights& weights) {
    weights.ln_final.bias = at::zeros_like(weights.ln_final.bias);
    weights.b_U = at::zeros_like(weights.b_U);
  });
  const LogitAttribution without = attributed(bare, task.items);
  for (std::size_t i = 0; i < 3; ++i) {
    const double constant = share_of(with, components.final_bias(), i);
    CHECK(std::abs(constant) > 1e-3);
    CHECK(close(constant, with.clean[i] - without.clean[i]));
    CHECK(std::abs(share_of(with, components.bias(1), i)) > 1e-3);
    // Behind the last block nothing reads them: the shares are as they were.
    CHECK(share_of(with, components.of(Node::of({1, 0})), i) ==
          share_of(without, components.of(Node::of({1, 0})), i));
  }
}
