// The identities hold for every fixture, and each fails for a model that breaks it.
#include <cmath>
#include <string>

#include "analyses/selftest/self_check.h"
#include "analyses/studies/circuit_input.h"
#include "lib/base/json.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("every identity holds for every fixture, or is said to be undefined") {
  std::vector<FixtureModel> fixtures = all_fixtures();
  fixtures.push_back(huggingface_fixture("hooked_bidirectional"));
  for (const FixtureModel& fixture : fixtures) {
    CAPTURE(fixture.name);
    const Model model = load(fixture);
    int held = 0;
    for (const SelfCheckResult& result :
         self_test({.model = model, .prompts = self_test_prompts(model.config(), 1)})) {
      CAPTURE(result.check->name, result.deviation.value, result.deviation.where, result.tolerance);
      CHECK((result.holds() || !result.undefined.empty()));
      held += result.holds() ? 1 : 0;
    }
    CHECK(held >= 6);
  }
}

// Their streams hold 0 nearly everywhere. In three of them the two passes that the slope is taken
// from lie on both sides of a bend (a ReLU at 0, a softmax of weights of 20 and more), where a
// slope is no gradient: there it is told as a number, of which nothing more is asked.
TEST_CASE("every identity holds for models whose weights are written by hand or compiled") {
  for (const KnownModel& known : all_known_models()) {
    CAPTURE(known.name);
    const std::string name(known.name);
    const bool bends = name == "successor" || name == "mlp-sum" || name == "fraction-previous";
    const KnownCircuit circuit(known);
    const Model& model = circuit.input.model;
    for (const SelfCheckResult& result :
         self_test({.model = model, .prompts = self_test_prompts(model.config(), 1)})) {
      CAPTURE(result.check->name, result.deviation.value, result.deviation.where, result.tolerance);
      if (bends && result.check->name == std::string("gradient")) {
        CHECK(std::isfinite(result.deviation.value));
      } else {
        CHECK((result.holds() || !result.undefined.empty()));
      }
    }
  }
}

namespace {

// What a faulty forward pass does to a value.
using Fault = Tensor (*)(const Visit& visit, const Tensor& value);

class FaultyTap final : public Tap {
 public:
  FaultyTap(Site site, Fault fault) : site_(site), fault_(fault) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == site_ ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override { return fault_(visit, value); }

 private:
  Site site_;
  Fault fault_;
};

// A model with a fault that belongs to it.
class Faulty final : public StandingChange {
 public:
  Faulty(Site site, Fault fault) : site_(site), fault_(fault) {}
  [[nodiscard]] std::unique_ptr<Tap> tap() const override {
    return std::make_unique<FaultyTap>(site_, fault_);
  }
  [[nodiscard]] std::string hash() const override { return "faulty"; }
  [[nodiscard]] Json description() const override { return {}; }
  [[nodiscard]] std::vector<Fired> fired() const override { return {}; }
  void add_fired(const std::vector<std::int64_t>&) const override {}
  void check_fired() const override {}

 private:
  Site site_;
  Fault fault_;
};

struct Planted {
  const char* check;
  Site site;
  Fault fault;
};

const Planted kPlanted[] = {
    {"pattern-rows", Site::pattern, [](const Visit&, const Tensor& x) { return x * 1.01; }},
    {"causal-pattern",
     Site::pattern,
     [](const Visit&, const Tensor& x) { return x.flip({-1}).contiguous(); }},
    {"pattern-z", Site::z, [](const Visit&, const Tensor& x) { return x.flip({2}); }},
    {"heads-sum", Site::attn_raw_out, [](const Visit&, const Tensor& x) { return x + 0.1; }},
    {"stream-sum", Site::resid_post, [](const Visit&, const Tensor& x) { return x * 1.001; }},
    {"head-knockout",
     Site::attn_raw_out,
     [](const Visit&, const Tensor& x) { return x * x.abs().mean(); }},
    {"future",
     Site::resid_post,
     [](const Visit&, const Tensor& x) { return x + 0.01 * x.mean(1, true); }},
    {"cache",
     Site::resid_post,
     [](const Visit& visit, const Tensor& x) { return visit.layout.past > 0 ? x * 1.01 : x; }},
    {"batch",
     Site::resid_post,
     [](const Visit& visit, const Tensor& x) { return visit.layout.rows > 1 ? x.flip({1}) : x; }},
    {"gradient", Site::mlp_out, [](const Visit&, const Tensor& x) { return x.detach(); }},
};

}  // namespace

TEST_CASE("a fault in the forward pass breaks the identity that is about it") {
  const Model model = load(huggingface_fixture("llama"));
  for (const Planted& planted : kPlanted) {
    CAPTURE(planted.check);
    const Model faulty = model.with(std::make_shared<Faulty>(planted.site, planted.fault));
    bool found = false;
    for (const SelfCheckResult& result :
         self_test({.model = faulty, .prompts = self_test_prompts(model.config(), 1)})) {
      if (result.check->name == planted.check) {
        CAPTURE(result.deviation.value);
        CHECK(!result.holds());
        found = true;
      }
    }
    CHECK(found);
  }
}
