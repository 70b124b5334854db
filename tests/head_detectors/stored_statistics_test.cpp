// Detectors on a trace of their prompts against the same on a pass of their own.
#include "analyses/head_detectors/stored_statistics.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/eye.h>
#include <ATen/ops/randn.h>

#include "analyses/head_detectors/detect.h"
#include "analyses/head_detectors/detectors.h"
#include "hooks/provenance.h"
#include "hooks/record.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/induction_model.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::uint64_t> kSeeds{3};

std::vector<Detector> readers() {
  std::vector<Detector> detectors;
  for (const Detector& detector : all_detectors()) {
    if (detector.reading) {
      detectors.push_back(detector);
    }
  }
  return detectors;
}

std::filesystem::path recorded_probes(const std::filesystem::path& path,
                                      const Model& model,
                                      const std::vector<Detector>& detectors,
                                      const RecordOptions& what) {
  RecordOptions options = what;
  options.logits = Logits::none;
  options.if_exists = IfExists::replace;
  options.provenance = provenance(model, {.command_line = "test"});
  record(model, prompts_of_readings(detectors, model, kSeeds), path, options);
  return path;
}

RecordOptions patterns(DType store = DType::f32) {
  RecordOptions options;
  options.hooks = {"blocks.*.attn.hook_pattern"};
  options.store = store;
  return options;
}

RecordOptions statistics(const std::vector<std::string>& names) {
  RecordOptions options;
  options.statistics.names = names;
  return options;
}

double scores_apart(const std::vector<double>& a, const std::vector<double>& b) {
  double most = a.size() == b.size() ? 0.0 : 1e9;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    most = std::max(most, std::abs(a[i] - b[i]) / std::max(1.0, std::abs(a[i])));
  }
  return most;
}

// The largest gap between the scores, intervals and controls of two runs of detectors; `ran` counts
// those that both ran.
double detections_apart(const std::vector<Detection>& live,
                        const std::vector<Detection>& read,
                        int& ran) {
  REQUIRE(live.size() == read.size());
  double most = 0.0;
  for (std::size_t i = 0; i < live.size(); ++i) {
    CAPTURE(live[i].detector.name, live[i].undefined);
    CHECK(live[i].undefined == read[i].undefined);
    ran += live[i].ran() ? 1 : 0;
    most = std::max({most,
                     scores_apart(live[i].score.values, read[i].score.values),
                     scores_apart(live[i].low.values, read[i].low.values),
                     scores_apart(live[i].control.values, read[i].control.values)});
  }
  return most;
}

}  // namespace

TEST_CASE("detectors on recorded patterns score every head as on a pass") {
  const TempFolder folder;
  int ran = 0;
  for (const Model& model :
       {load(huggingface_fixture("llama")), induction_model(kInductionHeads, 256)}) {
    const std::vector<Detector> detectors = readers();
    const StoredRun stored(recorded_probes(folder.file("t.h5"), model, detectors, patterns()));
    CHECK_NOTHROW(check_stored_probes(stored, detectors, model, kSeeds, "headscope detect m"));
    const auto live = detect(model, {.detectors = detectors, .seeds = kSeeds});
    const auto read = detect(
        model,
        {.detectors = detectors, .seeds = kSeeds, .statistics = statistics_of_trace(stored)});
    CHECK(detections_apart(live, read, ran) < 1e-5);
  }
  CHECK(ran >= 8);
}

TEST_CASE("half-precision patterns give scores to their own rounding") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const std::vector<Detector> two{find_detector("first_token_sink"), find_detector("delimiter")};
  const auto live = detect(model, {.detectors = two, .seeds = kSeeds});
  for (const auto& [store, tolerance] : {std::pair(DType::f16, 1e-4), {DType::bf16, 1e-3}}) {
    const StoredRun stored(recorded_probes(folder.file("t.h5"), model, two, patterns(store)));
    const auto read = detect(
        model, {.detectors = two, .seeds = kSeeds, .statistics = statistics_of_trace(stored)});
    int ran = 0;
    const double gap = detections_apart(live, read, ran);
    CAPTURE(to_string(store), gap);
    CHECK(gap < tolerance);
    CHECK(gap > 1e-7);
    CHECK(ran == 2);
  }
}

TEST_CASE("recorded statistics serve the detectors that read them, without a pattern") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  std::vector<Detector> served;
  for (const Detector& detector : readers()) {
    const StatisticsAsks& asks = detector.reading->asks;
    if (asks.offsets.empty() && asks.windows.empty() && asks.spans.empty()) {
      served.push_back(detector);
    }
  }
  REQUIRE(served.size() >= 3);
  const StoredRun stored(recorded_probes(
      folder.file("t.h5"), model, served, statistics({"first", "entropy", "distance", "columns"})));
  CHECK_NOTHROW(check_stored_probes(stored, served, model, kSeeds, "headscope detect m"));
  int ran = 0;
  CHECK(
      detections_apart(
          detect(model, {.detectors = served, .seeds = kSeeds}),
          detect(model,
                 {.detectors = served, .seeds = kSeeds, .statistics = statistics_of_trace(stored)}),
          ran) < 1e-6);
  CHECK(ran >= 2);  // the others have no meaning for so small a model
  CHECK_THROWS_WITH(check_stored_probes(
                        stored, {find_detector("delimiter")}, model, kSeeds, "headscope detect m"),
                    contains("delimiter reads patterns, which were not recorded for every layer"));
}

TEST_CASE("statistics of a pattern written down") {
  // Two queries of one head: [1, 0] and [1/4, 3/4].
  const Tensor pattern = at::zeros({1, 1, 2, 2});
  pattern[0][0][0][0].fill_(1.0);
  pattern[0][0][1][0].fill_(0.25);
  pattern[0][0][1][1].fill_(0.75);
  StatisticsRequest request;
  request.offsets = {0, 1, 5};
  request.windows = {1, 2};
  request.first = request.entropy = request.distance = request.columns = true;
  request.spans = at::zeros({1, 1, 2}, at::kBool);
  request.spans[0][0][1].fill_(true);
  const AttentionStatistics all = statistics_of_pattern(pattern, request);
  const auto value = [](const Tensor& x) { return x.item<double>(); };
  CHECK(value(all.offset_mass[0][0][0][0]) == 1.0);
  CHECK(value(all.offset_mass[0][0][1][0]) == 0.75);
  CHECK(value(all.offset_mass[0][0][0][1]) == 0.0);
  CHECK(value(all.offset_mass[0][0][1][1]) == 0.25);
  CHECK(value(all.offset_mass[0][0][1][2]) == 0.0);
  CHECK(value(all.window_mass[0][0][1][0]) == 0.75);
  CHECK(value(all.window_mass[0][0][1][1]) == 1.0);
  CHECK(value(all.span_mass[0][0][1][0]) == 0.75);
  CHECK(value(all.first_mass[0][0][1]) == 0.25);
  CHECK(value(all.entropy[0][0][0]) == 0.0);
  CHECK(value(all.entropy[0][0][1]) == Approx(-0.25 * std::log(0.25) - 0.75 * std::log(0.75)));
  CHECK(value(all.distance[0][0][1]) == 0.25);
  CHECK(value(all.column_mass[0][0][0]) == 1.25);
  CHECK(std::isnan(value(all.lse[0][0][1])));  // no pattern tells it
}

TEST_CASE("statistics of a pattern that sees later keys are those of the definition") {
  // softmax of ln(p) is p: queries that are unit vectors and keys that hold the logarithms.
  const Tensor pattern = at::softmax(at::randn({1, 1, 5, 5}, at::kDouble) * 2, 3);
  StatisticsInputs in;
  in.q = at::eye(5, at::kFloat).view({1, 5, 1, 5});
  in.k = pattern[0][0].log().t().contiguous().view({1, 5, 1, 5}).to(at::kFloat);
  in.spec.visibility = Visibility::full;
  StatisticsRequest request;
  request.offsets = {-7, -4, -1, 0, 1, 4, 7};
  request.windows = {1, 2, 9};
  request.first = request.entropy = request.distance = request.columns = true;
  request.spans = at::zeros({1, 1, 5}, at::kBool);
  request.spans[0][0][3].fill_(true);
  const AttentionStatistics got = statistics_of_pattern(pattern.to(at::kFloat), request);
  const AttentionStatistics want = attention_statistics_ref(in, request);
  const auto same = [](const Tensor& a, const Tensor& b) { return a.allclose(b, 1e-5, 1e-5); };
  CHECK(same(got.offset_mass, want.offset_mass));
  CHECK(same(got.window_mass, want.window_mass));
  CHECK(same(got.span_mass, want.span_mass));
  CHECK(same(got.first_mass, want.first_mass));
  CHECK(same(got.entropy, want.entropy));
  CHECK(same(got.distance, want.distance));
  CHECK(same(got.column_mass, want.column_mass));
}

TEST_CASE("a detector that runs the model, prompts that are missing: refused by what to do") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const std::vector<Detector> sink{find_detector("first_token_sink")};
  const StoredRun stored(recorded_probes(folder.file("t.h5"), model, sink, patterns()));
  const auto check = [&](const std::vector<Detector>& detectors,
                         const std::vector<std::uint64_t>& seeds) {
    check_stored_probes(stored, detectors, model, seeds, "headscope detect m --seed 4");
  };
  CHECK_NOTHROW(check(sink, kSeeds));
  CHECK_THROWS_WITH(check({find_detector("copying")}, kSeeds),
                    contains("copying: runs the model itself, so no trace serves it"));
  CHECK_THROWS_WITH(
      check(sink, {4}),
      contains("is not in it; record it: headscope detect m --seed 4 --write-prompts probes.jsonl; "
               "headscope record") &&
          contains("--prompts probes.jsonl --logits none --hooks 'blocks.*.attn.hook_pattern'"));
  CHECK_THROWS_WITH(
      check_stored_probes(
          stored, sink, load(huggingface_fixture("llama_biases")), kSeeds, "headscope detect m"),
      contains("of another model"));
}
