// Shares of what is read, against plain loops over positions, writers and readers.
#include <algorithm>

#include "analyses/edges/circuit_method.h"
#include "lib/tensor/ops.h"
#include "tests/edges/edge_fixtures.h"
#include "tests/edges/edge_readers.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("information flow is each writer's nearness to the stream that is read") {
  for (const char* name : {"gpt2", "gpt_neox", "gemma2", "llama3_gqa_tied"}) {
    CAPTURE(name);
    // Of two lengths, so that one is padded where they run together.
    const EdgeFixture fixture(load(huggingface_fixture(name)),
                              CircuitAblation::corrupted,
                              {.lengths = {7, 6}, .differ_from = {2, 3}});
    const EdgeGraph& graph = fixture.context.graph;
    std::vector<double> plain(static_cast<std::size_t>(graph.n_edges()));
    for (const TaskItem& item : fixture.task.items) {
      Watch run;
      fixture.model.forward(Batch({item.clean.tokens}), run);
      auto writers = written_plainly(fixture.model, graph, run);
      for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
        const ReaderPlace place = reader_place(graph, reader);
        const bool head = place.head >= 0;
        const Tensor stream =
            run.at(head ? Site::resid_pre : place.point.site, place.point.layer).select(0, 0);
        for (std::int64_t t = 0; t < item.length(); ++t) {
          std::vector<double> near;
          double sum = 0.0;
          for (std::int64_t u = 0; u < graph.writers_before(reader); ++u) {
            const Tensor y = stream.select(0, t);
            const Tensor z = writers[u].select(0, 0).select(0, t);
            near.push_back(
                std::max(0.0, y.abs().sum().item<double>() - (z - y).abs().sum().item<double>()));
            sum += near.back();
          }
          for (std::size_t u = 0; u < near.size() && sum > 0; ++u) {
            plain[static_cast<std::size_t>(graph.index(static_cast<std::int64_t>(u), reader))] +=
                near[u] / sum / static_cast<double>(item.length()) / 2.0;
          }
        }
      }
    }
    const auto found =
        circuit_scores(find_circuit_method("ifr"), CircuitLevel::edge, fixture.context, {});
    REQUIRE(found.size() == plain.size());
    for (std::size_t edge = 0; edge < plain.size(); ++edge) {
      CHECK(found[edge] == Approx(plain[edge]).margin(1e-5));
    }
  }
}
