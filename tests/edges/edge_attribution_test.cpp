// EAP by block products against a plain double loop over writers and readers, with gradients that
// autograd takes at every head's own view of the stream.
#include "analyses/edges/edge_attribution.h"

#include <map>

#include "analyses/edges/edge_memory.h"
#include "lib/base/error.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"
#include "tests/edges/edge_fixtures.h"
#include "tests/edges/edge_readers.h"
#include "tests/support/catch.h"

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

std::map<std::int64_t, Tensor> written_in(const EdgeFixture& fixture, const Batch& batch) {
  Watch run;
  fixture.model.forward(batch, run);
  return written_plainly(fixture.model, fixture.context.graph, run);
}

// One item at a time, one step at a time, one pair at a time.
Tensor plain_loop(const EdgeFixture& fixture, std::int64_t steps) {
  const EdgeGraph& graph = fixture.context.graph;
  Tensor scores = at::zeros({graph.n_writers(), graph.n_readers()}, at::kDouble);
  const auto items = static_cast<double>(fixture.task.items.size());
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(fixture.task.items.size()); ++i) {
    const TaskItem& item = fixture.task.items[static_cast<std::size_t>(i)];
    const Batch clean({item.clean.tokens}), corrupted({item.corrupted.tokens});
    auto own = written_in(fixture, clean);
    auto other = written_in(fixture, corrupted);
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
  for (const FixtureModel& each : summed_fixtures()) {
    CAPTURE(each.name);
    const EdgeFixture fixture(load(each), CircuitAblation::corrupted);
    const Tensor plain = plain_loop(fixture, 1);
    const Tensor found = edge_attribution(fixture.context, {.steps = 1});
    const double largest = plain.abs().max().item<double>();
    CHECK(largest > 1e-7);
    CHECK((found - plain).abs().max().item<double>() < 1e-4 * largest);
  }
}

TEST_CASE("EAP-IG's steps run as rows") {
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

TEST_CASE("blocks of positions, and layers formed again, give what one block gives") {
  for (const char* name : {"gpt2", "gemma2", "llama3_gqa_tied"}) {
    CAPTURE(name);
    const EdgeFixture fixture(load(huggingface_fixture(name)), CircuitAblation::corrupted);
    const EdgeGraph& graph = fixture.context.graph;
    const BatchShape one{.rows = 1, .columns = 7};
    for (const EdgeAttributionOptions& options :
         {EdgeAttributionOptions{.steps = 1},
          EdgeAttributionOptions{.steps = 3, .path = PathOf::activations},
          EdgeAttributionOptions{.rule = GradientRule::relevance}}) {
      const Tensor whole = edge_attribution(fixture.context, options);
      EdgeAttributionOptions blocks = options;
      blocks.chunk = 3;
      const double bound = 1e-5 * whole.abs().max().item<double>();
      CHECK((edge_attribution(fixture.context, blocks) - whole).abs().max().item<double>() < bound);
      // Just enough for an item, with nothing left to keep differences in.
      const std::int64_t least =
          edge_bytes(fixture.model.config(), graph, one, options.steps, 1 << 20, options.path);
      const CircuitContext short_of(fixture.model,
                                    fixture.task,
                                    find_metric("logit_diff"),
                                    CircuitAblation::corrupted,
                                    least + 4);
      CHECK(plan_edges(short_of, options.steps, options.path).difference_bytes < 64);
      CHECK((edge_attribution(short_of, blocks) - whole).abs().max().item<double>() < bound);
    }
  }
}
