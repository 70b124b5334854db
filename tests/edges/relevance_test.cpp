// Relevance by autograd against the same rules run forwards: with norms' divisors, patterns and
// activations held at the clean run's the model is linear, so that a score is a difference of two
// runs, without a gradient anywhere.
#include "analyses/edges/edge_attribution.h"
#include "analyses/edges/relevance_rules.h"
#include "lib/kernels/kernels.h"
#include "lib/tensor/ops.h"
#include "tests/edges/edge_fixtures.h"
#include "tests/edges/edge_readers.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// The linear model, one reader of which reads less.
class FrozenTap final : public Tap {
 public:
  FrozenTap(const Watch& clean, ReaderPlace place, Tensor amount)
      : clean_(clean), place_(place), amount_(std::move(amount)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    switch (point.site) {
      case Site::ln1_scale:
      case Site::ln1_post_scale:
      case Site::ln2_scale:
      case Site::ln2_post_scale:
      case Site::ln_final_scale:
      case Site::pattern:
      case Site::mlp_pre:
      case Site::mlp_pre_linear:
      case Site::mlp_post:
        return Interest::edit;
      default:
        return point == place_.point && amount_.defined() ? Interest::edit : Interest::none;
    }
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    const int layer = visit.point.layer;
    if (visit.point == place_.point) {
      return lessened(place_, value, amount_);
    }
    switch (visit.point.site) {
      case Site::mlp_pre:
        pre_ = value;
        return value;
      case Site::mlp_pre_linear:
        linear_ = value;
        return value;
      case Site::mlp_post: {
        const Tensor x = clean_.at(Site::mlp_pre, layer);
        const Tensor active = kernels::activate(x, visit.config.activation);
        if (visit.config.mlp != Mlp::gated) {
          return active / x * pre_;
        }
        const Tensor y = clean_.at(Site::mlp_pre_linear, layer);
        return 0.5 * (active / x * pre_ * y + active * linear_);
      }
      default:
        return clean_.at(visit.point.site, layer);
    }
  }

 private:
  const Watch& clean_;
  ReaderPlace place_;
  Tensor amount_, pre_, linear_;
};

// What a head's values lack where it reads `amount` less, through a norm of constant divisor.
Tensor lacking_values(
    const Model& model, const Watch& clean, HookPoint point, std::int64_t head, Tensor amount) {
  if (model.config().norm == Norm::layer_norm) {
    amount = amount - amount.mean(-1, true);
  }
  const auto& gain = model.weights().blocks[static_cast<std::size_t>(point.layer)].ln1.gain;
  const Tensor read = amount / clean.at(Site::ln1_scale, point.layer) * gain;
  return at::matmul(read, model.W_V(point.layer).select(0, head));
}

}  // namespace

TEST_CASE("relevance is what an edge is worth to the model held linear at the clean run") {
  for (const char* name : {"gpt2", "gpt_neox", "gemma2", "llama3_gqa_tied", "llama_biases"}) {
    CAPTURE(name);
    const EdgeFixture fixture(load(huggingface_fixture(name)),
                              CircuitAblation::corrupted,
                              {.lengths = {7}, .differ_from = {2}});
    const EdgeGraph& graph = fixture.context.graph;
    const TaskItem& item = fixture.task.items.front();
    const Batch clean({item.clean.tokens});
    Watch own, other;
    fixture.model.forward(clean, own);
    fixture.model.forward(Batch({item.corrupted.tokens}), other);
    auto writers = written_plainly(fixture.model, graph, own);
    auto others = written_plainly(fixture.model, graph, other);
    const auto metric = [&](ReaderPlace place, Tensor amount) {
      if (place.head >= 0) {
        place.point.site = Site::v;
        amount = lacking_values(fixture.model, own, place.point, place.head, amount);
      }
      FrozenTap tap(own, place, amount);
      const ForwardOptions last{.logits = Logits::last, .vocab = fixture.context.scoring.vocab()};
      const Tensor logits = fixture.model.forward(clean, tap, last).logits;
      return fixture.context.scoring.values(logits, {0}, {}).front();
    };
    const Tensor scores = edge_attribution(fixture.context, {.rule = GradientRule::relevance});
    const double largest = scores.abs().max().item<double>();
    CHECK(largest > 1e-6);
    // A soft-cap of the logits (Gemma 2) keeps its curve.
    const double step = std::string(name) == "gemma2" ? 0.02 : 1.0;
    for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
      const ReaderPlace place = reader_place(graph, reader);
      const bool compared = place.point.site == Site::q_input || place.point.site == Site::k_input;
      for (std::int64_t u = reader % 3; u < graph.writers_before(reader); u += 3) {
        CAPTURE(reader, u);
        const double found = scores[u][reader].item<double>();
        const Tensor amount = step * (writers[u] - others[u]);
        const double worth =
            compared ? 0.0 : (metric(place, -amount) - metric(place, amount)) / (2 * step);
        CHECK(found == Approx(worth).margin(compared ? 0.0 : 2e-4 * largest + 2e-6));
      }
    }
  }
}

TEST_CASE("the rules change no value") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const Batch batch({{1, 2, 3, 4, 5}});
  CHECK(difference(with_relevance_rules(model).forward(batch).logits, model.forward(batch).logits) <
        1e-6);
}
