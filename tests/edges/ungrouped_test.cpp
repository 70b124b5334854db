// A model with keys and values for every query head is the model it was made of.
#include "lib/model/ungrouped.h"

#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("an ungrouped model has the same values, and each head its own keys and values") {
  std::int64_t grouped = 0;
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    CAPTURE(fixture.name);
    const Model model = load(fixture);
    const Model apart = ungrouped(model);
    const Tensors expected = read_tensors(fixture.expected);
    const Batch batch = batch_of({prompt(expected, 0)});
    CHECK(apart.config().n_kv_heads == model.config().n_heads);
    CHECK(difference(apart.forward(batch).logits, model.forward(batch).logits) < 1e-6);
    if (model.config().heads_per_kv() == 1) {
      continue;
    }
    ++grouped;
    Watch shared, own;
    model.forward(batch, shared);
    apart.forward(batch, own);
    const std::int64_t times = model.config().heads_per_kv();
    for (const Site site : {Site::k, Site::v}) {
      CHECK(difference(own.at(site, 1), shared.at(site, 1).repeat_interleave(times, 2)) < 1e-6);
    }
  }
  CHECK(grouped >= 5);  // with QK-norm, biases, one KV head and windows among them
}
