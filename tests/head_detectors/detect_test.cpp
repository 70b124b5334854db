// Detectors that read attention, on a model whose heads are known and on real ones.
#include "analyses/head_detectors/detect.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <stdexcept>

#include "analyses/head_detectors/confirm.h"
#include "analyses/head_detectors/probe_pass.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/induction_model.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kSize = 256;  // tokens and positions: the probe of repeated tokens fits

Detection found(const Model& model, const std::string& name) {
  return detect(model, {.detectors = {find_detector(name)}, .seeds = {0}}).front();
}

// What attention_statistics() gives, formed from the pattern itself by plain Torch operators.
AttentionStatistics from_pattern(const Tensor& pattern, const StatisticsRequest& request) {
  const Tensor a = pattern.to(at::kDouble);
  const std::int64_t length = a.size(3);
  const Tensor query = at::arange(length).view({length, 1});
  const Tensor key = at::arange(length).view({1, length});
  const auto masses = [&](const std::vector<Tensor>& masks) {
    std::vector<Tensor> sums;
    for (const Tensor& mask : masks) {
      sums.push_back((a * mask).sum(3));
    }
    return sums.empty() ? Tensor() : at::stack(sums, 3).to(at::kFloat);
  };
  std::vector<Tensor> offsets;
  for (const std::int64_t offset : request.offsets) {
    offsets.push_back((query - key).eq(offset));
  }
  std::vector<Tensor> windows;
  for (const std::int64_t window : request.windows) {
    windows.push_back((query - key) < window);
  }
  std::vector<Tensor> spans;
  for (std::int64_t n = 0; request.spans.defined() && n < request.spans.size(0); ++n) {
    spans.push_back(request.spans.select(0, n).unsqueeze(1).unsqueeze(1));
  }
  AttentionStatistics all;
  all.lse = a.sum(3);  // only its shape is read
  all.offset_mass = masses(offsets);
  all.window_mass = masses(windows);
  all.span_mass = masses(spans);
  all.first_mass = a.select(3, 0).to(at::kFloat);
  all.entropy = -(a * a.clamp_min(1e-300).log()).sum(3).to(at::kFloat);
  all.distance = (a * (query - key)).sum(3).to(at::kFloat);
  all.column_mass = a.sum(2).to(at::kFloat);
  return all;
}

class PatternStatistics final : public Tap {
 public:
  PatternStatistics(const StatisticsRequest& request, const LayerStatistics& receive)
      : request_(request), receive_(receive) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::pattern ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& pattern) override {
    receive_(visit.point.layer, from_pattern(pattern, request_));
    return pattern;
  }

 private:
  const StatisticsRequest& request_;
  const LayerStatistics& receive_;
};

void statistics_by_pattern(const Model& model,
                           const std::vector<ProbePrompt>& prompts,
                           const StatisticsRequest& request,
                           const LayerStatistics& receive) {
  PatternStatistics tap(request, receive);
  model.forward(probe_batch(prompts), tap, {.logits = Logits::none});
}

void check_alike(const HeadSamples& a, const HeadSamples& b) {
  REQUIRE(a.samples == b.samples);
  REQUIRE(a.values.size() == b.values.size());
  double most = 0.0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double size = std::max(1.0, std::abs(b.values[i]));
    most = std::max(most, std::abs(a.values[i] - b.values[i]) / size);
  }
  CHECK(most < 2e-5);
}

}  // namespace

TEST_CASE("heads made by hand have the roles they were made for, and no others") {
  const Model model = induction_model(kInductionHeads, kSize);
  const Detection induction = found(model, "induction");
  REQUIRE(induction.ran());
  CHECK(induction.score[kInductionHead] > 0.8);  // tokens drawn twice share their attention
  CHECK(induction.with_role() == std::vector<HeadId>{kInductionHead, {1, 3}});  // 1.3 looks alike
  const Detection previous = found(model, "previous_token");
  CHECK(previous.score[kPreviousTokenHead] > 0.99);
  CHECK(previous.score[{0, 2}] < 0.01);  // looks at itself
  CHECK(previous.score[kInductionHead] < 0.1);
  CHECK(previous.has_role(kPreviousTokenHead));
  CHECK_FALSE(previous.has_role({0, 2}));
  CHECK(found(model, "duplicate_token").with_role().empty());
  CHECK(found(model, "echo").with_role().empty());
  const Detection razor = found(model, "echo_induction");
  CHECK(razor.score[kInductionHead] > 0.8);
}

TEST_CASE("a role needs the threshold and an interval above the control") {
  Detection d{.detector = {.name = "x", .threshold = 0.5}};
  const HeadGrid grid{.n_layers = 1, .n_heads = 3};
  d.score = {grid, {0.6, 0.6, 0.4}};
  d.low = {grid, {0.3, 0.5, 0.39}};
  d.high = {grid, {0.9, 0.7, 0.41}};
  d.control = {grid, {0.4, 0.4, 0.1}};
  CHECK_FALSE(d.has_role({0, 0}));
  CHECK(d.has_role({0, 1}));
  CHECK_FALSE(d.has_role({0, 2}));
  CHECK(d.top(2) == std::vector<HeadId>{{0, 0}, {0, 1}});
}

TEST_CASE(
    "confirming: without the induction head the copies are lost, without others they are not") {
  const Model model = induction_model(kInductionHeads, kSize);
  Detection induction = found(model, "induction");
  induction.score[{1, 3}] = 0.0;  // which has no W_O: it would water the role down
  Confirmer confirmer(model, {.heads = 1, .draws = 5});
  const Confirmation c = confirmer.confirm(induction);
  CHECK(c.heads == std::vector{kInductionHead});
  CHECK(c.intact > -2.0);
  CHECK(c.change() < -3.0);
  CHECK(std::abs(c.random_mean()) < 0.01);
  CHECK(c.beyond_high < -2.5);
  CHECK(c.confirmed());
  CHECK_THROWS_AS(confirmer.confirm(found(model, "echo")), UsageError);
}

TEST_CASE("confirmed is what intervals and every draw say, never one draw's sign") {
  Confirmation dormant{.detector = "dormant", .behaviour = "log-probability of text"};
  dormant.intact = -3.0;
  dormant.ablated = -3.006;
  dormant.low = -0.009;
  dormant.high = -0.003;
  dormant.beyond_low = -0.013;
  dormant.beyond_high = -0.009;
  dormant.random = {0.005};
  CHECK_FALSE(dormant.enough_draws());
  CHECK_FALSE(dormant.confirmed());
  dormant.random = {0.005, 0.004, 0.001, 0.0, -0.002};
  CHECK(dormant.confirmed());
  dormant.random[4] = -0.007;  // one draw does as much
  CHECK_FALSE(dormant.confirmed());
  dormant.random[4] = -0.002;
  dormant.beyond_high = 0.001;  // prompts do not tell it from random heads
  CHECK_FALSE(dormant.confirmed());
  dormant.beyond_high = -0.009;
  dormant.high = 0.001;  // nor from nothing
  CHECK_FALSE(dormant.confirmed());
  dormant.high = std::numeric_limits<double>::quiet_NaN();  // of one prompt
  CHECK_FALSE(dormant.confirmed());
}

TEST_CASE("random heads match the layers of those they stand for") {
  const std::vector<HeadId> chosen{{1, 0}, {1, 1}, {3, 0}};
  const auto drawn = matched_random(chosen, chosen, {.n_layers = 4, .n_heads = 3}, 1);
  REQUIRE(drawn.size() == 3);
  for (const std::int64_t layer : {1, 3}) {
    CHECK(std::count_if(drawn.begin(), drawn.end(), [&](const HeadId& head) {
            return head.layer == layer;
          }) >= 1);
  }
  for (const HeadId& head : drawn) {
    CHECK(std::find(chosen.begin(), chosen.end(), head) == chosen.end());
  }
}

TEST_CASE("every reading is the same from statistics as from the pattern") {
  const Model model = load_model(cached_model().string());
  for (const Probe& probe : {Probe(Probe::text), Probe(Probe::task, "capitals")}) {
    std::vector<const Reading*> readings;
    for (const Detector& detector : all_detectors()) {
      if (detector.reading && detector.reading->probe == probe) {
        readings.push_back(&*detector.reading);
      }
    }
    REQUIRE_FALSE(readings.empty());
    ProbePassOptions options{.seeds = {0}, .batch_tokens = 1024};
    const auto fast = read_probe(model, probe, readings, options);
    options.statistics = statistics_by_pattern;
    const auto plain = read_probe(model, probe, readings, options);
    for (std::size_t r = 0; r < readings.size(); ++r) {
      check_alike(fast[r].finding.scores, plain[r].finding.scores);
      check_alike(fast[r].finding.control, plain[r].finding.control);
    }
  }
}

TEST_CASE("a detector that cannot run says why, and the others run") {
  const Model model = induction_model();  // a context of 24, no tokenizer
  const auto all =
      detect(model, {.detectors = {find_detector("induction"), find_detector("first_token_sink")}});
  REQUIRE(all.size() == 2);
  CHECK(all[0].undefined.find("context is 24") != std::string::npos);
  CHECK_FALSE(all[1].ran());
  CHECK_THROWS_AS(find_detector("inductoin"), UsageError);
}

TEST_CASE("only the declared reason is undefined; any other error is a failure, the rest is kept") {
  const Model model = induction_model(kInductionHeads, kSize);
  const auto throwing = [](const std::string& name, const std::function<void()>& error) {
    Detector detector{.name = name};
    detector.run = [error](const DetectorContext&) -> Finding {
      error();
      return {};
    };
    return detector;
  };
  Detector broken = find_detector("previous_token");  // shares its pass with induction's kind
  broken.name = "broken";
  broken.reading->score = [](const ProbeView&) -> Tensor { throw InternalError("its own fault"); };
  const auto all = detect(
      model,
      {.detectors = {throwing("declared", [] { throw UndefinedForModel("no digits"); }),
                     throwing("data", [] { throw DataError("a bad file"); }),
                     throwing("usage", [] { throw UsageError("a bad call"); }),
                     throwing("torch", [] { at::zeros({2}).view({3}); }),
                     throwing("standard", [] { throw std::out_of_range("at\nsecond line"); }),
                     broken,
                     find_detector("previous_token")},
       .seeds = {0}});
  REQUIRE(all.size() == 7);
  CHECK(all[0].undefined == "no digits");
  CHECK(all[0].failed.empty());
  const std::vector<int> codes{0, 3, 2, 1, 1, 1, 0};
  for (std::size_t i = 1; i < 6; ++i) {
    CAPTURE(i);
    CHECK(all[i].undefined.empty());
    CHECK_FALSE(all[i].failed.empty());
    CHECK(all[i].exit_code == codes[i]);
    CHECK_FALSE(all[i].ran());
  }
  CHECK(all[1].failed == "a bad file");
  CHECK(all[4].failed == "at");
  CHECK(all[5].failed == "its own fault");
  CHECK(all[6].ran());
  CHECK(all[6].score[kPreviousTokenHead] > 0.99);
}
