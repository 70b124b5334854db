// Integrated gradients on activations: against plain runs and differences of two of them, and what
// they add up to.
#include <algorithm>
#include <cmath>

#include "analyses/edges/circuit_values.h"
#include "analyses/edges/edge_attribution.h"
#include "lib/tensor/ops.h"
#include "tests/edges/edge_fixtures.h"
#include "tests/edges/edge_readers.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Adds to what a layer's heads or its MLP write, and has one reader read less.
class PathTap final : public Tap {
 public:
  PathTap(HookPoint written, Tensor shift, ReaderPlace place, Tensor amount)
      : written_(written), shift_(std::move(shift)), place_(place), amount_(std::move(amount)) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point == written_ || point == place_.point ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    return visit.point == written_ ? value + shift_ : lessened(place_, value, amount_);
  }

 private:
  HookPoint written_;
  Tensor shift_;
  ReaderPlace place_;
  Tensor amount_;
};

struct Runs {
  explicit Runs(const EdgeFixture& of) : fixture(of), clean({of.task.items.front().clean.tokens}) {
    of.model.forward(clean, own);
    of.model.forward(Batch({of.task.items.front().corrupted.tokens}), other);
    writers = written_plainly(of.model, of.context.graph, own);
    const auto others = written_plainly(of.model, of.context.graph, other);
    for (auto& [number, written] : writers) {
      written = written - others.at(number);
    }
  }

  // d/dε of the metric where the reader reads ε of the writer's difference more, half the way.
  double slope(HookPoint group, double left, std::int64_t reader, std::int64_t writer) {
    const ReaderPlace place = reader_place(fixture.context.graph, reader);
    const Tensor shift =
        -left * (own.at(group.site, group.layer) - other.at(group.site, group.layer));
    constexpr double kStep = 0.005;
    const auto metric = [&](double step) {
      PathTap tap(group, shift, place, -step * writers.at(writer));
      const ForwardOptions last{.logits = Logits::last, .vocab = fixture.context.scoring.vocab()};
      const Tensor logits = fixture.model.forward(clean, tap, last).logits;
      return fixture.context.scoring.values(logits, {0}, {}).front();
    };
    return (metric(kStep) - metric(-kStep)) / (2 * kStep);
  }

  const EdgeFixture& fixture;
  Batch clean;
  Watch own, other;
  std::map<std::int64_t, Tensor> writers;  // differences
};

HookPoint written_at(const EdgeGraph& graph, std::int64_t writer) {
  const Node node = graph.writer_node(writer);
  return node.kind == Node::Kind::input  ? HookPoint{Site::embed}
         : node.kind == Node::Kind::head ? HookPoint{Site::attn_out, static_cast<int>(node.layer)}
                                         : HookPoint{Site::mlp_out, static_cast<int>(node.layer)};
}

}  // namespace

TEST_CASE("an edge has the mean slope of runs between, on its writer's own way") {
  for (const char* name : {"gpt2", "gpt_neox", "gemma2", "llama3_gqa_tied"}) {
    CAPTURE(name);
    const EdgeFixture fixture(load(huggingface_fixture(name)),
                              CircuitAblation::corrupted,
                              {.lengths = {6}, .differ_from = {2}});
    const EdgeGraph& graph = fixture.context.graph;
    Runs runs(fixture);
    const Tensor found =
        edge_attribution(fixture.context, {.steps = 2, .path = PathOf::activations});
    const double largest = found.abs().max().item<double>();
    for (std::int64_t edge = 1; edge < graph.n_edges(); edge += 1 + graph.n_edges() / 40) {
      const Edge ends = graph.edge(edge);
      CAPTURE(graph_name(ends));
      const std::int64_t writer = graph.writer(ends.from);
      std::int64_t reader = graph.n_readers() - 1;
      while (graph.index(0, reader) > edge) {
        --reader;
      }
      const HookPoint group = written_at(graph, writer);
      const double plain =
          (runs.slope(group, 0.5, reader, writer) + runs.slope(group, 0.0, reader, writer)) / 2;
      CHECK(found[writer][reader].item<double>() == Approx(plain).margin(0.01 * largest));
    }
  }
}

TEST_CASE("over a layer's heads, and an MLP, they add up to what cutting all of it loses") {
  for (const char* name : {"gpt2", "gemma2"}) {
    CAPTURE(name);
    const EdgeFixture fixture(load(huggingface_fixture(name)), CircuitAblation::corrupted);
    const EdgeGraph& graph = fixture.context.graph;
    const auto summed = [&](std::int64_t steps) {
      return edge_attribution(fixture.context, {.steps = steps, .path = PathOf::activations})
          .sum(1);
    };
    // The sum's error falls as 1/m, so that of this as 1/m².
    const Tensor nodes = 2 * summed(32) - summed(16);
    const double whole = mean_in(fixture.context, all_edges(graph));
    const double scale = std::abs(whole - mean_in(fixture.context, no_edges(graph)));
    for (std::int64_t layer = 0; layer < graph.shape().n_layers; ++layer) {
      const std::int64_t first = graph.first_writer(layer);
      for (const WriterRange& group :
           {WriterRange{first, first + graph.shape().n_heads},
            WriterRange{first + graph.shape().n_heads, first + graph.shape().n_heads + 1}}) {
        std::vector<bool> kept(static_cast<std::size_t>(graph.n_writers()), true);
        std::fill(kept.begin() + group.first, kept.begin() + group.end, false);
        const double loss = whole - mean_in(fixture.context, edges_from(graph, kept));
        const double sum =
            nodes.narrow(0, group.first, group.end - group.first).sum().item<double>();
        CHECK(sum == Approx(loss).margin(0.005 * scale));
      }
    }
  }
}
