// Circuits that run: every edge, none, and single ones against a run written out.
#include "analyses/edges/masked_runs.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "lib/tensor/ops.h"
#include "tests/edges/edge_fixtures.h"
#include "tests/support/catch.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::vector<double> metric_of(const EdgeFixture& fixture, const PromptBatch& batch, Run run) {
  const Tensor logits =
      fixture.model
          .forward(batch.of(run),
                   {.logits = Logits::last, .vocab = fixture.context.scoring.vocab()})
          .logits;
  return fixture.context.scoring.values(logits, batch.items, {});
}

double gap(const std::vector<double>& a, const std::vector<double>& b) {
  double most = a.size() == b.size() ? 0.0 : 1e9;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(a[i] - b[i]));
  }
  return most;
}

}  // namespace

TEST_CASE("all edges are the clean run to the bit, none the corrupted run, in every family") {
  for (const FixtureModel& each : summed_fixtures()) {
    CAPTURE(each.name);
    const EdgeFixture fixture(load(each), CircuitAblation::corrupted);
    const EdgeGraph& graph = fixture.context.graph;
    for (const PromptBatch& batch : prompt_batches(fixture.task.items, 64)) {
      const MaskedRuns runs(fixture.context, batch);
      const auto values = runs.values({all_edges(graph), no_edges(graph)});
      const auto clean = metric_of(fixture, batch, Run::clean);
      const auto corrupted = metric_of(fixture, batch, Run::corrupted);
      CHECK(gap(values[0], clean) < 1e-6);
      CHECK(gap(values[1], corrupted) < 1e-4 * std::max(1.0, gap(clean, corrupted)));
      CHECK(gap(clean, corrupted) > 1e-6);
    }
  }
}

namespace {

// The design's formula said the other way round, one edge at a time: a reader reads its corrupted
// stream and, of each writer in the circuit, what it writes in this run less what it wrote there.
class PlainCircuit final : public Tap {
 public:
  PlainCircuit(const EdgeFixture& fixture, const EdgeSet& circuit, const Batch& corrupted)
      : fixture_(fixture), graph_(fixture.context.graph), circuit_(circuit) {
    fixture.model.forward(corrupted, corrupted_);
  }

  [[nodiscard]] Interest wants(HookPoint point) const override {
    switch (point.site) {
      case Site::q_input:
      case Site::k_input:
      case Site::v_input:
      case Site::mlp_in:
        return Interest::edit;
      case Site::resid_post:
        return point.layer == graph_.shape().n_layers - 1 ? Interest::edit : Interest::none;
      case Site::embed:
      case Site::resid_pre:
        return point == input_ ? Interest::observe : Interest::none;
      case Site::result:
      case Site::mlp_out:
      case Site::ln1_post_scale:
        return Interest::observe;
      default:
        return Interest::none;
    }
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    const int layer = visit.point.layer;
    const Site site = visit.point.site;
    switch (site) {
      case Site::embed:
      case Site::resid_pre:
        writes(Node::input(), value, corrupted_.at(site, layer));
        return value;
      case Site::result:
        result_ = value;
        if (!has_post_norm(visit.config)) {
          write_heads(layer, value, corrupted_.at(Site::result, layer));
        }
        return value;
      case Site::ln1_post_scale:
        write_heads(layer,
                    share(layer, result_, value),
                    share(layer,
                          corrupted_.at(Site::result, layer),
                          corrupted_.at(Site::ln1_post_scale, layer)));
        return value;
      case Site::mlp_out:
        writes(Node::mlp(layer), value, corrupted_.at(Site::mlp_out, layer));
        return value;
      case Site::mlp_in:
        return read(graph_.reader(Node::mlp(layer), {}), corrupted_.at(site, layer));
      case Site::resid_post:
        return read(graph_.n_readers() - 1, corrupted_.at(site, layer));
      default:
        return read_heads(visit.point, value);
    }
  }

 private:
  [[nodiscard]] Tensor share(int layer, const Tensor& results, const Tensor& scale) const {
    const auto& norm = fixture_.model.weights().blocks[static_cast<std::size_t>(layer)].ln1_post;
    return results / scale.unsqueeze(2) * norm.gain;
  }
  void writes(const Node& node, const Tensor& own, const Tensor& other) {
    differences_[graph_.writer(node)] = own - other;
  }
  void write_heads(int layer, const Tensor& own, const Tensor& other) {
    for (std::int64_t head = 0; head < graph_.shape().n_heads; ++head) {
      writes(Node::of({layer, head}), own.select(2, head), other.select(2, head));
    }
  }
  [[nodiscard]] Tensor read(std::int64_t reader, Tensor stream) const {
    for (std::int64_t writer = 0; writer < graph_.writers_before(reader); ++writer) {
      if (circuit_[static_cast<std::size_t>(graph_.index(writer, reader))]) {
        stream = stream + differences_.at(writer);
      }
    }
    return stream;
  }
  [[nodiscard]] Tensor read_heads(HookPoint point, const Tensor& value) const {
    const HeadInput input = point.site == Site::q_input   ? HeadInput::q
                            : point.site == Site::k_input ? HeadInput::k
                                                          : HeadInput::v;
    Tensor out = value.clone();
    for (std::int64_t head = 0; head < value.size(2); ++head) {
      const std::int64_t reader = graph_.reader(Node::of({point.layer, head}), input);
      out.select(2, head).copy_(read(reader, corrupted_.at(Site::resid_pre, point.layer)));
    }
    return out;
  }

  const EdgeFixture& fixture_;
  const EdgeGraph& graph_;
  const EdgeSet& circuit_;
  const HookPoint input_ = input_point(fixture_.model.config());
  Watch corrupted_;
  Tensor result_;
  std::map<std::int64_t, Tensor> differences_;
};

// Single edges cut, and half of them, and nearly all.
std::vector<EdgeSet> some_circuits(const EdgeGraph& graph) {
  std::vector<EdgeSet> circuits;
  std::mt19937 random(3);
  for (std::int64_t edge = 0; edge < graph.n_edges(); edge += 1 + graph.n_edges() / 6) {
    circuits.push_back(all_edges(graph));
    circuits.back()[static_cast<std::size_t>(edge)] = false;
  }
  for (const unsigned kept : {3U, 1U}) {  // in four
    circuits.push_back(no_edges(graph));
    for (std::size_t edge = 0; edge < circuits.back().size(); ++edge) {
      circuits.back()[edge] = random() % 4 < kept;
    }
  }
  circuits.push_back(all_edges(graph));  // nothing but the way into the logits is cut
  for (std::int64_t writer = 0; writer < graph.n_writers(); writer += 2) {
    circuits.back()[static_cast<std::size_t>(graph.index(writer, graph.n_readers() - 1))] = false;
  }
  return circuits;
}

}  // namespace

TEST_CASE("circuits run together are what a plain implementation gives for each") {
  for (const char* name : {"gpt2",
                           "gpt_neox",
                           "gemma2",
                           "llama3_gqa_tied",
                           "llama_biases",
                           "qwen3",
                           "gpt_neox_sequential"}) {
    CAPTURE(name);
    const EdgeFixture fixture(load(huggingface_fixture(name)),
                              CircuitAblation::corrupted,
                              {.lengths = {7, 7, 6}, .differ_from = {2, 3, 4}});
    const PromptBatch batch = prompt_batches(fixture.task.items, 64).front();
    const std::vector<EdgeSet> circuits = some_circuits(fixture.context.graph);
    const auto found = MaskedRuns(fixture.context, batch).values(circuits);
    for (std::size_t i = 0; i < circuits.size(); ++i) {
      CAPTURE(i);
      PlainCircuit tap(fixture, circuits[i], batch.corrupted);
      const Tensor logits =
          fixture.model
              .forward(batch.clean,
                       tap,
                       {.logits = Logits::last, .vocab = fixture.context.scoring.vocab()})
              .logits;
      const auto plain = fixture.context.scoring.values(logits, batch.items, {});
      CHECK(gap(found[i], plain) < 2e-5);
    }
  }
}
