// Head divergence and reinforcement (VHD and VHR), against a loop over prompts and heads.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "analyses/steering/steer_method.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/steering/examples.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Prompts of other lengths, with the span at other places.
std::string prompts_with_spans() {
  std::string lines;
  for (int i = 0; i < 8; ++i) {
    const int begin = 1 + i % 3;
    lines += fmt::format(
        "{{\"prompt\": \"{}a b c{} d e\", \"positive\": \"d\", \"negative\": \"e\", "
        "\"spans\": {{\"key\": [{}, {}]}}}}\n",
        std::string(static_cast<std::size_t>(i % 4), 'x'),
        i,
        begin,
        begin + 1 + i % 2);
  }
  return lines;
}

// z of one head at the last token, as numbers.
std::vector<double> z_of(const Model& model,
                         const std::vector<std::int32_t>& tokens,
                         const HeadId& head) {
  const std::string point = hook_name(Site::z, static_cast<int>(head.layer));
  Recorder seen(std::vector<std::string>{point});
  model.forward(Batch({tokens}), seen);
  const Tensor z = seen.at(point)[0][-1][head.head];
  std::vector<double> numbers;
  for (std::int64_t i = 0; i < z.size(0); ++i) {
    numbers.push_back(z[i].item<double>());
  }
  return numbers;
}

struct Divergence {
  double change = 0.0;   // mean ‖z − z without the span‖
  double without = 0.0;  // mean ‖z without the span‖²
};

Divergence divergence_of(const Model& model, const SteerData& data, const HeadId& head) {
  Divergence out;
  for (const SteerItem& item : data.items) {
    const Span span = item.prompt.spans.at("key");
    std::vector<std::int32_t> rest;
    for (std::int64_t i = 0; i < std::ssize(item.prompt.tokens); ++i) {
      if (i < span.begin || i >= span.end) {
        rest.push_back(item.prompt.tokens[static_cast<std::size_t>(i)]);
      }
    }
    const std::vector<double> with = z_of(model, item.prompt.tokens, head);
    const std::vector<double> without = z_of(model, rest, head);
    double apart = 0.0;
    double size = 0.0;
    for (std::size_t i = 0; i < with.size(); ++i) {
      apart += (with[i] - without[i]) * (with[i] - without[i]);
      size += without[i] * without[i];
    }
    out.change += std::sqrt(apart) / static_cast<double>(data.items.size());
    out.without += size / static_cast<double>(data.items.size());
  }
  return out;
}

double bound(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean);
  }
  return mean + std::sqrt(squares / count);
}

// By the definition: beyond the median of the layer, outliers of both kinds as 0.
std::vector<std::int64_t> reinforced(const std::vector<Divergence>& layer) {
  std::vector<double> change;
  std::vector<double> without;
  for (const Divergence& head : layer) {
    change.push_back(head.change);
    without.push_back(head.without);
  }
  const double change_bound = bound(change);
  const double without_bound = bound(without);
  for (std::size_t i = 0; i < layer.size(); ++i) {
    if (layer[i].change > change_bound && layer[i].without > without_bound) {
      change[i] = 0.0;
    }
  }
  std::vector<double> sorted = change;
  std::sort(sorted.begin(), sorted.end());
  const double median = (sorted[1] + sorted[2]) / 2;  // of four heads
  std::vector<std::int64_t> heads;
  for (std::size_t i = 0; i < change.size(); ++i) {
    if (change[i] > median) {
      heads.push_back(static_cast<std::int64_t>(i));
    }
  }
  return heads;
}

Steering vhr(const Model& model, const SteerData& data, SteerSettings settings) {
  settings.span = "key";
  return fit_steering(
      find_steer_method("vhr"),
      {.model = model, .fit = data, .held_out = data, .settings = std::move(settings)});
}

}  // namespace

TEST_CASE("VHR scales the heads that a loop over prompts finds to diverge without the span") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData data = data_of(prompts_with_spans(), model, folder);
  std::vector<std::vector<Divergence>> all;
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    all.emplace_back();
    for (std::int64_t head = 0; head < 4; ++head) {
      all.back().push_back(divergence_of(model, data, {layer, head}));
    }
  }
  const Steering steering = vhr(model, data, {.alpha = 3.0, .layers = {{0, 1, 2}}});
  REQUIRE(steering.edits.size() == 3);
  for (std::size_t layer = 0; layer < 3; ++layer) {
    CAPTURE(layer);
    const Intervention& edit = steering.edits[layer];
    CHECK(edit.site == hook_name(Site::z, static_cast<int>(layer)));
    CHECK(edit.op == Op::scale);
    CHECK(edit.factor == 3.0);
    CHECK(*edit.where.heads == reinforced(all[layer]));
  }
  double last = 1e9;
  for (const OrderedJson& one : steering.chosen["heads"]) {
    const HeadId head = parse_head_id(one["head"].get<std::string>());
    const double own = one["divergence"].get<double>();
    CHECK(own ==
          Approx(
              all[static_cast<std::size_t>(head.layer)][static_cast<std::size_t>(head.head)].change)
              .epsilon(1e-4));
    CHECK(own <= last);  // the largest first
    last = own;
  }
  // By default the second half of the layers; --heads keeps those that diverge most.
  const Steering half = vhr(model, data, {});
  REQUIRE(half.edits.size() == 2);
  CHECK(half.edits[0].site == hook_name(Site::z, 1));
  CHECK(half.edits[0].factor == 2.0);
  const Steering two = vhr(model, data, {.top = 2, .layers = {{0, 1, 2}}});
  REQUIRE(two.chosen["heads"].size() == 2);
  CHECK(two.chosen["heads"][0] == steering.chosen["heads"][0]);
  CHECK(two.chosen["heads"][1] == steering.chosen["heads"][1]);
  CHECK_THROWS_WITH(vhr(model, data, {.layers = {{3}}}), contains("--layers 3"));
}
