// Looking never changes the answer; edits that change nothing change almost nothing.
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("logits are bit for bit the same whoever watches") {
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    DYNAMIC_SECTION(fixture.name) {
      const Model model = load(fixture);
      const Tensors expected = read_tensors(fixture.expected);
      const Batch batch = batch_of({prompt(expected, 0), prompt(expected, 1)});
      const Tensor alone = model.forward(batch).logits;
      Watch everything;
      CHECK(identical(model.forward(batch, everything).logits, alone));
      for (const SiteInfo& site : all_sites()) {
        INFO(site.name);
        Watch one(site.site);
        CHECK(identical(model.forward(batch, one).logits, alone));
        CHECK(one.points.empty() == !site.exists(model.config()));
      }
    }
  }
}

TEST_CASE("an edit that returns its value changes fp32 logits by no more than rounding") {
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    DYNAMIC_SECTION(fixture.name) {
      const Model model = load(fixture);
      const Tensors expected = read_tensors(fixture.expected);
      const Batch batch = batch_of({prompt(expected, 0)});
      const Tensor plain = model.forward(batch).logits;
      for (const SiteInfo& site : all_sites()) {
        INFO(site.name);
        IdentityEdit edit(site.site);
        CHECK(difference(model.forward(batch, edit).logits, plain) <= 1e-5);
        CHECK((edit.visits > 0) == site.exists(model.config()));
      }
    }
  }
}
