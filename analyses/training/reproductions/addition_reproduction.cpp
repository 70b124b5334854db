// Addition modulo p learned by heart, then as a rule: when, and by which frequencies (Nanda et al.
// 2023, arXiv:2301.05217).
#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/ranges.h>

#include "analyses/training/trained_reproduction.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::size_t kKeyFrequencies = 5;  // as many as the published model uses
constexpr double kLearned = 0.99;
constexpr std::int32_t kFirstNumber = 2;  // the token of 0, behind <s> and =

Tensor angles(const Tensor& numbers, std::int64_t frequency, std::int64_t modulus) {
  return numbers *
         (2.0 * std::numbers::pi * static_cast<double>(frequency) / static_cast<double>(modulus));
}

Tensor all_numbers(std::int64_t modulus) {
  return at::arange(modulus, at::kDouble);
}

// The share of the embeddings' power at frequencies 1 … (p − 1)/2, the mean left out.
std::vector<double> power_by_frequency(const Model& model, std::int64_t modulus) {
  const Tensor numbers =
      model.weights().W_E.narrow(0, kFirstNumber, modulus).to(at::kCPU, at::kDouble);
  std::vector<double> power;
  double total = 0.0;
  for (std::int64_t k = 1; 2 * k <= modulus; ++k) {
    const Tensor angle = angles(all_numbers(modulus), k, modulus);
    const double both = (at::matmul(angle.cos(), numbers).square().sum() +
                         at::matmul(angle.sin(), numbers).square().sum())
                            .item<double>();
    power.push_back(both);
    total += both;
  }
  for (double& each : power) {
    each /= total;
  }
  return power;
}

// The strongest, the strongest first.
std::vector<std::int64_t> key_frequencies(const std::vector<double>& power) {
  std::vector<std::int64_t> order;
  for (std::size_t i = 0; i < power.size(); ++i) {
    order.push_back(static_cast<std::int64_t>(i) + 1);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return power[static_cast<std::size_t>(a - 1)] > power[static_cast<std::size_t>(b - 1)];
  });
  order.resize(std::min(order.size(), kKeyFrequencies));
  return order;
}

double share_of(const std::vector<double>& power, const std::vector<std::int64_t>& frequencies) {
  double share = 0.0;
  for (const std::int64_t k : frequencies) {
    share += power[static_cast<std::size_t>(k - 1)];
  }
  return share;
}

// The logits of all numbers for every pair, [p, p, p] by a, b, c, their mean over c taken off.
Tensor logits_of_all_pairs(const Model& model, std::int64_t modulus) {
  TrainRows rows{.rows = modulus * modulus, .tokens = {}, .labels = {}, .groups = {}};
  for (std::int64_t pair = 0; pair < modulus * modulus; ++pair) {
    for (const std::int64_t token : {std::int64_t{0},
                                     kFirstNumber + pair / modulus,
                                     kFirstNumber + pair % modulus,
                                     std::int64_t{1}}) {
      rows.tokens.push_back(static_cast<std::int32_t>(token));
    }
  }
  const Tensor logits =
      model.forward(batch_of_rows(rows), {.logits = Logits::last}).logits.to(at::kDouble);
  const Tensor numbers =
      logits.narrow(1, kFirstNumber, modulus).reshape({modulus, modulus, modulus});
  return numbers - numbers.mean(2, true);
}

// cos(w(a + b − c)) of one frequency, [p, p, p].
Tensor wave_of(std::int64_t frequency, std::int64_t modulus) {
  const Tensor n = all_numbers(modulus);
  const Tensor sum = n.view({-1, 1, 1}) + n.view({1, -1, 1}) - n.view({1, 1, -1});
  return angles(sum, frequency, modulus).cos();
}

// What of the logits is made of the waves of these frequencies.
Tensor made_of(const Tensor& logits, const std::vector<std::int64_t>& frequencies) {
  Tensor sum = at::zeros_like(logits);
  for (const std::int64_t k : frequencies) {
    const Tensor wave = wave_of(k, logits.size(0));
    sum = sum + wave * ((logits * wave).sum() / wave.square().sum());
  }
  return sum;
}

// How often the sum has the largest logit, over all pairs.
double right_share(const Tensor& logits) {
  const std::int64_t p = logits.size(0);
  const Tensor n = at::arange(p, at::kLong);
  const Tensor sums = (n.view({-1, 1}) + n.view({1, -1})).remainder(p);
  return logits.argmax(2).eq(sums).to(at::kDouble).mean().item<double>();
}

double first_step_of(const std::vector<TrainLine>& log, const std::string& group) {
  for (const TrainLine& line : log) {
    for (const GroupLoss& each : line.groups) {
      if (each.group == group && each.accuracy >= kLearned) {
        return static_cast<double>(line.step);
      }
    }
  }
  return -1.0;
}

TrainedCurves addition_curves(const std::vector<TrainLine>& log) {
  TrainedCurves curves{.caption = "Pairs seen in training and held out.",
                       .x_axis = "step",
                       .panels = {{"loss, seen", {}},
                                  {"loss, held out", {}},
                                  {"right, seen", {}},
                                  {"right, held out", {}}}};
  for (const TrainLine& line : log) {
    for (const GroupLoss& group : line.groups) {
      const std::size_t panel = group.group == "seen" ? 0 : 1;
      const auto step = static_cast<double>(line.step);
      curves.panels[panel].points.emplace_back(step, group.loss);
      curves.panels[panel + 2].points.emplace_back(step, group.accuracy);
    }
  }
  return curves;
}

// Each checkpoint's key frequencies and how much of it they are.
ResultTable addition_table(const TrainedModels& models, const TrainSpec& spec, std::int64_t p) {
  ResultTable table{
      .caption = fmt::format(
          "Over training: the {} strongest frequencies of the embedding, their share of its power, "
          "the share of the logits' variance that cos w(a + b − c) of them makes, and how many of "
          "all pairs are right by the logits, and by the logits without those waves.",
          kKeyFrequencies),
      .columns = {"step", "frequencies", "embedding", "logits", "right", "without"},
      .rows = {}};
  for (const std::int64_t step : spec.checkpoints) {
    const Model model = models.at_step("modular_addition", step);
    const std::vector<double> power = power_by_frequency(model, p);
    const std::vector<std::int64_t> keys = key_frequencies(power);
    const Tensor logits = logits_of_all_pairs(model, p);
    const Tensor waves = made_of(logits, keys);
    table.rows.push_back({step,
                          fmt::format("{}", fmt::join(keys, " ")),
                          share_of(power, keys),
                          (waves.square().sum() / logits.square().sum()).item<double>(),
                          right_share(logits),
                          right_share(logits - waves)});
  }
  return table;
}

TrainedFindings measure_addition(const TrainedModels& models) {
  const Json json = own_train_spec("modular_addition");
  const TrainSpec spec = read_train_spec(json, "modular_addition");
  const auto p = json.at("task").at("modulus").get<std::int64_t>();
  const std::vector<TrainLine> log = models.log("modular_addition");
  TrainedFindings found;
  found.tables.push_back(addition_table(models, spec, p));
  const auto& last = found.tables.back().rows.back();
  const auto& first = found.tables.back().rows.front();
  found.measured = {
      {"first step with 99 % of the seen pairs right", first_step_of(log, "seen")},
      {"first step with 99 % of the held-out pairs right", first_step_of(log, "held_out")},
      {"share of the embedding at five frequencies, at the start", first[2]},
      {"share of the embedding at five frequencies", last[2]},
      {"share of the logits made of their waves", last[3]},
      {"pairs right without the waves", last[5]}};
  found.curves.push_back(addition_curves(log));
  return found;
}

}  // namespace

TrainedReproduction addition_reproduction() {
  return {.name = "modular-addition",
          .title = "Addition modulo p: learned by heart, then as a rule of a few frequencies",
          .source = "Nanda et al. 2023, arXiv:2301.05217",
          .specs = {"modular_addition"},
          .published = {{.what = "held-out pairs are learned long after the seen ones",
                         .model = "p 113, d_model 128",
                         .published = "yes",
                         .quantity = "first step with 99 % of the held-out pairs right"},
                        {.what = "five frequencies make nearly all of the embedding",
                         .model = "p 113, d_model 128",
                         .published = "5 of 56",
                         .quantity = "share of the embedding at five frequencies"},
                        {.what = "share of the logits' variance that key frequencies explain",
                         .model = "p 113, d_model 128",
                         .published = "0.95",
                         .quantity = "share of the logits made of their waves"}},
          .measure = measure_addition};
}

}  // namespace headscope
