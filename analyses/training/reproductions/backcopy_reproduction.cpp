// A head that sleeps on the first token where bigrams say enough, and wakes after triggers: sink,
// drained value, peak of the residual stream, over training, and what ReLU and plain gradient
// descent make of them (Guo et al. 2024, arXiv:2410.13835).
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <ATen/ops/log_softmax.h>

#include "analyses/training/backcopy_chain.h"
#include "analyses/training/trained_reproduction.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kBackcopyRows = 48;

// What one layer's head does, means over rows; the first token is left out of "other".
struct SinkMeasure {
  double sink = 0.0;         // attention to <s> from tokens that are no triggers
  double awake = 0.0;        // attention of triggers to the token before them
  double delta_logit = 0.0;  // score of <s> minus the mean of the others', tokens no triggers
  double value_ratio = 0.0;  // ‖W_O v‖ of <s> over the mean of the others
  double peak_ratio = 0.0;   // ‖stream behind the layer‖ of <s> over the mean of the others
};

struct BackcopyMeasure {
  double bigram_risk = 0.0;  // cross-entropy to the true chances minus their entropy, nats
  double copy_risk = 0.0;
  std::vector<SinkMeasure> layers;
};

// Rows that no training saw, with the true chances.
struct BackcopyEvaluation {
  TrainRows rows;
  Tensor chances;  // [B, T, V]
  Tensor trigger;  // [B, T], 1 at triggers
  Tensor plain;    // [B, T], 1 at what is neither a trigger nor <s>
};

BackcopyEvaluation backcopy_evaluation(const TrainSpec& spec, const BackcopyChain& chain) {
  Random random(1, "backcopy evaluation");
  BackcopyEvaluation on{
      .rows = spec.data->draw(random, kBackcopyRows), .chances = {}, .trigger = {}, .plain = {}};
  const auto length = static_cast<std::size_t>(spec.data->length());
  std::vector<float> chances, trigger, plain;
  for (std::size_t r = 0; r < static_cast<std::size_t>(kBackcopyRows); ++r) {
    const auto begin = on.rows.tokens.begin() + static_cast<std::ptrdiff_t>(r * length);
    const std::vector<std::int32_t> row(begin, begin + static_cast<std::ptrdiff_t>(length));
    for (std::size_t t = 0; t < length; ++t) {
      for (const double p : chain.following(row, t)) {
        chances.push_back(static_cast<float>(p));
      }
      trigger.push_back(chain.is_trigger(row[t]) ? 1.0f : 0.0f);
      plain.push_back(row[t] == 0 || chain.is_trigger(row[t]) ? 0.0f : 1.0f);
    }
  }
  const std::vector<std::int64_t> shape{kBackcopyRows, spec.data->length()};
  on.chances = at::tensor(chances).view({shape[0], shape[1], -1});
  on.trigger = at::tensor(trigger).view(shape);
  on.plain = at::tensor(plain).view(shape);
  return on;
}

double mean_where(const Tensor& values, const Tensor& mask) {
  return ((values * mask).sum() / mask.sum()).item<double>();
}

// Of the first token over the mean of the others; norms [B, T].
double first_over_others(const Tensor& norms) {
  return (norms.select(1, 0).mean() / norms.narrow(1, 1, norms.size(1) - 1).mean()).item<double>();
}

SinkMeasure sink_measure(const Model& model,
                         const Recorder& recorder,
                         int layer,
                         const BackcopyEvaluation& on) {
  SinkMeasure m;
  const Tensor pattern = recorder.at(hook_name(Site::pattern, layer)).mean(1);  // [B, T, T]
  m.sink = mean_where(pattern.select(2, 0), on.plain);
  m.awake = mean_where(at::cat({at::zeros({kBackcopyRows, 1}), pattern.diagonal(-1, 1, 2)}, 1),
                       on.trigger);
  const Tensor scores = recorder.at(hook_name(Site::attn_scores, layer)).mean(1);
  const Tensor seen = at::ones(scores.sizes()).tril();
  const Tensor others = (scores.masked_fill(seen.eq(0), 0.0).sum(2) - scores.select(2, 0)) /
                        (seen.sum(2) - 1).clamp_min(1);
  m.delta_logit = mean_where(scores.select(2, 0) - others, on.plain);
  const Tensor v = recorder.at(hook_name(Site::v, layer)).select(2, 0);  // [B, T, d_head]
  m.value_ratio = first_over_others(at::matmul(v, model.W_O(layer)[0]).square().sum(-1).sqrt());
  const Tensor resid = recorder.at(hook_name(Site::resid_post, layer));
  m.peak_ratio = first_over_others(resid.square().sum(-1).sqrt());
  return m;
}

double excess_risk(const Tensor& logits, const BackcopyEvaluation& on, const Tensor& mask) {
  const Tensor log_q = at::log_softmax(logits, -1);
  const Tensor log_p = on.chances.clamp_min(1e-30).log();
  return mean_where((on.chances * (log_p - log_q)).sum(-1), mask);
}

BackcopyMeasure backcopy_measure(const Model& model, const BackcopyEvaluation& on) {
  Recorder recorder({"blocks.*.attn.hook_pattern",
                     "blocks.*.attn.hook_attn_scores",
                     "blocks.*.attn.hook_v",
                     "blocks.*.hook_resid_post"});
  const Tensor logits = model.forward(batch_of_rows(on.rows), recorder).logits;
  BackcopyMeasure m{.bigram_risk = excess_risk(logits, on, on.plain),
                    .copy_risk = excess_risk(logits, on, on.trigger),
                    .layers = {}};
  for (int layer = 0; layer < model.config().n_layers; ++layer) {
    m.layers.push_back(sink_measure(model, recorder, layer, on));
  }
  return m;
}

// The layer whose head sinks most, and the one whose stream peaks most.
const SinkMeasure& most_sunk(const BackcopyMeasure& m) {
  return *std::max_element(m.layers.begin(), m.layers.end(), [](const auto& a, const auto& b) {
    return a.sink < b.sink;
  });
}
double highest_peak(const BackcopyMeasure& m) {
  double peak = 0.0;
  for (const SinkMeasure& layer : m.layers) {
    peak = std::max(peak, layer.peak_ratio);
  }
  return peak;
}
double most_drained(const BackcopyMeasure& m) {
  double ratio = std::numeric_limits<double>::infinity();
  for (const SinkMeasure& layer : m.layers) {
    ratio = std::min(ratio, layer.value_ratio);
  }
  return ratio;
}

struct BackcopyVariant {
  const char* spec;
  const char* name;
};
constexpr BackcopyVariant kVariants[] = {
    {"bigram_backcopy", "1 layer, softmax, Adam"},
    {"bigram_backcopy_relu", "1 layer, ReLU, Adam"},
    {"bigram_backcopy_deep", "3 layers, softmax, Adam"},
    {"bigram_backcopy_deep_sgd", "3 layers, softmax, SGD"},
};

std::vector<OrderedJson> variant_row(const char* name, const BackcopyMeasure& m) {
  const SinkMeasure& sunk = most_sunk(m);
  return {name,
          m.bigram_risk,
          m.copy_risk,
          sunk.sink,
          m.layers.front().awake,
          sunk.delta_logit,
          most_drained(m),
          highest_peak(m)};
}

TrainedCurves backcopy_course(const TrainedModels& models,
                              const BackcopyVariant& variant,
                              const BackcopyEvaluation& on) {
  TrainedCurves curves{.caption = std::string(variant.name) + ": over its checkpoints.",
                       .x_axis = "step",
                       .panels = {{"sink", {}},
                                  {"Δlogit", {}},
                                  {"value ratio", {}},
                                  {"peak ratio", {}},
                                  {"excess, copy", {}}}};
  const TrainSpec spec = read_train_spec(own_train_spec(variant.spec), variant.spec);
  for (const std::int64_t step : spec.checkpoints) {
    const BackcopyMeasure m = backcopy_measure(models.at_step(variant.spec, step), on);
    const double values[] = {
        most_sunk(m).sink, most_sunk(m).delta_logit, most_drained(m), highest_peak(m), m.copy_risk};
    for (std::size_t i = 0; i < curves.panels.size(); ++i) {
      curves.panels[i].points.emplace_back(static_cast<double>(step), values[i]);
    }
  }
  return curves;
}

// The head is dormant where taking it away costs nothing.
ResultTable dormancy(const Model& model, const BackcopyEvaluation& on) {
  const auto risks = [&](Tap& tap) {
    const Tensor logits = model.forward(batch_of_rows(on.rows), tap).logits;
    return std::pair{excess_risk(logits, on, on.plain), excess_risk(logits, on, on.trigger)};
  };
  NoTap nobody;
  Edits zeroed;
  zeroed.at(hook_name(Site::z, 0)).zero();
  const auto [bigram, copy] = risks(nobody);
  const auto [bigram_without, copy_without] = risks(zeroed);
  return {.caption =
              "The head of one layer (softmax, Adam) with its output zeroed: excess risk, "
              "nats.",
          .columns = {"head", "after other characters", "after triggers"},
          .rows = {{"as it is", bigram, copy}, {"zeroed", bigram_without, copy_without}}};
}

TrainedFindings measure_backcopy(const TrainedModels& models) {
  const TrainSpec spec = read_train_spec(own_train_spec("bigram_backcopy"), "bigram_backcopy");
  const Json task = own_train_spec("bigram_backcopy").at("task");
  const BackcopyEvaluation on =
      backcopy_evaluation(spec,
                          backcopy_chain(task.at("characters").get<std::int64_t>(),
                                         task.at("triggers").get<std::int64_t>()));
  TrainedFindings found;
  found.tables.push_back(
      {.caption = "At the end. Excess risk in nats; sink: attention to <s> from characters that "
                  "are no triggers, of the layer where it is highest; awake: attention of triggers "
                  "to the character before them, layer 0; value: ‖W_O v‖ of <s> over the others', "
                  "of the layer where it is lowest; peak: the residual stream's norm at <s> over "
                  "the others', behind the layer where it is highest.",
       .columns =
           {"model", "excess, bigram", "excess, copy", "sink", "awake", "Δlogit", "value", "peak"},
       .rows = {}});
  for (const BackcopyVariant& variant : kVariants) {
    const BackcopyMeasure m = backcopy_measure(models.at_end(variant.spec), on);
    found.tables.back().rows.push_back(variant_row(variant.name, m));
    found.measured.push_back({fmt::format("sink, {}", variant.name), most_sunk(m).sink});
    found.measured.push_back({fmt::format("value ratio, {}", variant.name), most_drained(m)});
    found.measured.push_back({fmt::format("peak ratio, {}", variant.name), highest_peak(m)});
    found.measured.push_back(
        {fmt::format("excess risk after triggers, {}", variant.name), m.copy_risk});
    found.curves.push_back(backcopy_course(models, variant, on));
  }
  found.tables.push_back(dormancy(models.at_end("bigram_backcopy"), on));
  return found;
}

}  // namespace

TrainedReproduction backcopy_reproduction() {
  return {.name = "bigram-backcopy",
          .title = "Active and dormant heads: sinks, drained values, peaks of the residual stream",
          .source = "Guo et al. 2024, arXiv:2410.13835",
          .specs = {"bigram_backcopy",
                    "bigram_backcopy_relu",
                    "bigram_backcopy_deep",
                    "bigram_backcopy_deep_sgd"},
          .published = {{.what = "a sink forms",
                         .model = "1 layer, softmax, Adam",
                         .published = "towards 1",
                         .quantity = "sink, 1 layer, softmax, Adam"},
                        {.what = "the sink's value is drained",
                         .model = "1 layer, softmax, Adam",
                         .published = "below the others (< 1)",
                         .quantity = "value ratio, 1 layer, softmax, Adam"},
                        {.what = "ReLU takes the sink away",
                         .model = "1 layer, ReLU, Adam",
                         .published = "no sink",
                         .quantity = "sink, 1 layer, ReLU, Adam"},
                        {.what = "the residual stream peaks at the sink",
                         .model = "3 layers, softmax, Adam",
                         .published = "far above the others (> 1)",
                         .quantity = "peak ratio, 3 layers, softmax, Adam"},
                        {.what = "gradient descent takes the peak away",
                         .model = "3 layers, softmax, SGD",
                         .published = "no peak",
                         .quantity = "peak ratio, 3 layers, softmax, SGD"},
                        {.what = "gradient descent keeps the sink",
                         .model = "3 layers, softmax, SGD",
                         .published = "a sink",
                         .quantity = "sink, 3 layers, softmax, SGD"}},
          .measure = measure_backcopy};
}

}  // namespace headscope
