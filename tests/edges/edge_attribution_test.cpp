// EAP by block products against a plain double loop over writers and readers, with gradients that
// autograd takes at every head's own view of the stream.
#include "analyses/edges/edge_attribution.h"

#include <map>

#include "lib/base/error.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"
#include "tests/edges/edge_fixtures.h"
#include "tests/support/catch.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Keeps the gradient at every reader [B, T, d_model] by its number.
class ReaderTap final : public GradientTap {
 public:
  explicit ReaderTap(const EdgeGraph& graph) : graph_(graph) {}

  [[nodiscard]] bool wants(HookPoint point) const override {
    return point.site == Site::q_input || point.site == Site::k_input ||
           point.site == Site::v_input || point.site == Site::mlp_in ||
           (point.site == Site::resid_post && point.layer == graph_.shape().n_layers - 1);
  }
  void visit(const Visit& visit, const Tensor&, const Tensor& gradient) override {
    const std::int64_t layer = visit.point.layer;
    if (visit.point.site == Site::mlp_in) {
      readers[graph_.reader(Node::mlp(layer), {})] = gradient;
    } else if (visit.point.site == Site::resid_post) {
      readers[graph_.reader(Node::logits(), {})] = gradient;
    } else {
      const HeadInput input = visit.point.site == Site::q_input   ? HeadInput::q
                              : visit.point.site == Site::k_input ? HeadInput::k
                                                                  : HeadInput::v;
      for (std::int64_t head = 0; head < graph_.shape().n_heads; ++head) {
        readers[graph_.reader(Node::of({layer, head}), input)] = gradient.select(2, head);
      }
    }
  }

  std::map<std::int64_t, Tensor> readers;

 private:
  const EdgeGraph& graph_;
};

// What each writer adds to the stream in a run, by its number [B, T, d_model]; where a norm follows
// attention, the head's share of what it lets through.
std::map<std::int64_t, Tensor> written_plainly(const Model& model,
                                               const EdgeGraph& graph,
                                               const Batch& batch) {
  Watch run;
  model.forward(batch, run);
  std::map<std::int64_t, Tensor> writers{{0, run.at(Site::embed)}};
  const ModelConfig& c = model.config();
  for (int layer = 0; layer < c.n_layers; ++layer) {
    Tensor results = run.at(Site::result, layer);
    if (c.norm_placement == NormPlacement::sandwich) {
      const NormWeights& norm = model.weights().blocks[static_cast<std::size_t>(layer)].ln1_post;
      results = results / run.at(Site::ln1_post_scale, layer).unsqueeze(2) * norm.gain;
      CHECK(difference(results.sum(2), run.at(Site::attn_out, layer)) < 1e-5);
    }
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      writers[graph.writer(Node::of({layer, head}))] = results.select(2, head);
    }
    writers[graph.writer(Node::mlp(layer))] = run.at(Site::mlp_out, layer);
  }
  return writers;
}

// One item at a time, one step at a time, one pair at a time.
Tensor plain_loop(const EdgeFixture& fixture, std::int64_t steps) {
  const EdgeGraph& graph = fixture.context.graph;
  Tensor scores = at::zeros({graph.n_writers(), graph.n_readers()}, at::kDouble);
  const auto items = static_cast<double>(fixture.task.items.size());
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(fixture.task.items.size()); ++i) {
    const TaskItem& item = fixture.task.items[static_cast<std::size_t>(i)];
    const Batch clean({item.clean.tokens}), corrupted({item.corrupted.tokens});
    auto own = written_plainly(fixture.model, graph, clean);
    auto other = written_plainly(fixture.model, graph, corrupted);
    for (std::int64_t step = 1; step <= steps; ++step) {
      Resume from{clean.layout(), first_stream(fixture.model, clean)};
      const double left = 1.0 - static_cast<double>(step) / static_cast<double>(steps);
      from.residual = from.residual - left * (own[0] - other[0]);
      ReaderTap tap(graph);
      gradients(
          fixture.model,
          from,
          [&](const Tensor& logits) {
            return fixture.context.scoring.differentiable(logits, {i}, {});
          },
          tap,
          fixture.context.scoring.vocab());
      for (const auto& [reader, gradient] : tap.readers) {
        for (std::int64_t writer = 0; writer < graph.writers_before(reader); ++writer) {
          const Tensor product = ((own[writer] - other[writer]) * gradient).sum();
          scores[writer][reader] += product.to(at::kDouble) / (items * static_cast<double>(steps));
        }
      }
    }
  }
  return scores;
}

}  // namespace

TEST_CASE("EAP equals a plain double loop in every family") {
  for (const FixtureModel& each : huggingface_fixtures()) {
    CAPTURE(each.name);
    const EdgeFixture fixture(load(each), CircuitAblation::corrupted);
    const Tensor plain = plain_loop(fixture, 1);
    const Tensor found = edge_attribution(fixture.context, {.steps = 1});
    const double largest = plain.abs().max().item<double>();
    CHECK(largest > 1e-7);
    CHECK((found - plain).abs().max().item<double>() < 1e-4 * largest);
  }
}

TEST_CASE("EAP-IG's steps run as rows, and blocks are cut where memory is short") {
  for (const char* name : {"gpt2", "gpt_neox", "gemma2", "llama3_gqa_tied"}) {
    CAPTURE(name);
    const EdgeFixture fixture(load(huggingface_fixture(name)), CircuitAblation::corrupted);
    const Tensor plain = plain_loop(fixture, 3);
    const double largest = plain.abs().max().item<double>();
    const Tensor found = edge_attribution(fixture.context, {.steps = 3});
    CHECK((found - plain).abs().max().item<double>() < 1e-4 * largest);
    CHECK((found - edge_attribution(fixture.context, {.steps = 1})).abs().max().item<double>() >
          1e-3 * largest);
  }
}
