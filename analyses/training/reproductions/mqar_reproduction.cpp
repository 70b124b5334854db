// Which heads carry associative recall: how they attend, and the loss without each.
#include <algorithm>

#include <fmt/format.h>

#include "analyses/training/trained_reproduction.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kMqarRows = 256;

struct MqarAttention {
  double to_value = 0.0;     // from a key that is asked to the value behind its earlier place
  double to_previous = 0.0;  // from those values to the key before them
};

struct MqarEvaluation {
  TrainRows rows;
  std::vector<TrainGroup> groups;
  std::int64_t length = 0;
};

std::vector<GroupLoss> mqar_losses(const Model& model, const MqarEvaluation& on, Tap& tap) {
  return group_losses(model.forward(batch_of_rows(on.rows), tap).logits, on.rows, on.groups);
}

// The mean over asked keys of what head `head` of `pattern` [B, H, T, T] pays.
MqarAttention mqar_attention(const Tensor& pattern, std::int64_t head, const MqarEvaluation& on) {
  MqarAttention sum;
  double asked = 0.0;
  const auto at = pattern.select(1, head).contiguous();
  const auto* p = at.const_data_ptr<float>();
  const auto weight = [&](std::int64_t row, std::int64_t query, std::int64_t key) {
    return static_cast<double>(p[(row * on.length + query) * on.length + key]);
  };
  for (std::int64_t row = 0; row < on.rows.rows; ++row) {
    const auto* tokens = on.rows.tokens.data() + row * on.length;
    for (std::int64_t t = 0; t < on.length; ++t) {
      const auto i = static_cast<std::size_t>(row * on.length + t);
      if (on.rows.labels[i] < 0 || on.rows.groups[i] != 0) {
        continue;
      }
      std::int64_t key = 1;  // keys stand at odd places from the first on
      while (tokens[key] != tokens[t]) {
        key += 2;
      }
      sum.to_value += weight(row, t, key + 1);
      sum.to_previous += weight(row, key + 1, key);
      asked += 1.0;
    }
  }
  return {sum.to_value / asked, sum.to_previous / asked};
}

OrderedJson number_or_null(double value) {
  return value == value ? OrderedJson(value) : OrderedJson();
}

// Of a model, its losses and what its attention does; `attention` of one head, or of none.
std::vector<OrderedJson> mqar_row(const std::string& name,
                                  const std::vector<GroupLoss>& losses,
                                  const std::optional<MqarAttention>& attention) {
  const auto percent = [&](double MqarAttention::*share) {
    return attention ? OrderedJson(100.0 * (*attention).*share) : OrderedJson();
  };
  return {name,
          losses[0].loss,
          100.0 * losses[0].accuracy,
          number_or_null(losses[1].loss),
          percent(&MqarAttention::to_value),
          percent(&MqarAttention::to_previous)};
}

ResultTable mqar_table(const Model& model,
                       const MqarEvaluation& on,
                       std::vector<Measured>& measured) {
  Recorder recorder({"blocks.*.attn.hook_pattern"});
  const std::vector<GroupLoss> whole = mqar_losses(model, on, recorder);
  measured = {{"recall accuracy, %", 100.0 * whole[0].accuracy},
              {"recall loss, nats", whole[0].loss},
              {"loss elsewhere, nats", whole[1].loss}};
  ResultTable table{.caption =
                        "Each head with its output zeroed. \"to value\": attention from an "
                        "asked key to the value behind its earlier place; \"to previous\": "
                        "from those values to the key before them.",
                    .columns = {"without",
                                "recall loss",
                                "recall, %",
                                "loss elsewhere",
                                "to value, %",
                                "to previous, %"},
                    .rows = {}};
  table.rows.push_back(mqar_row("none", whole, std::nullopt));
  double carried = 0.0;
  for (int layer = 0; layer < model.config().n_layers; ++layer) {
    const Tensor pattern = recorder.at(hook_name(Site::pattern, layer));
    for (int head = 0; head < model.config().n_heads; ++head) {
      Edits edits;
      edits.at(hook_name(Site::z, layer), {.heads = std::vector<std::int64_t>{head}}).zero();
      const std::vector<GroupLoss> without = mqar_losses(model, on, edits);
      carried = std::max(carried, without[0].loss - whole[0].loss);
      table.rows.push_back(
          mqar_row(fmt::format("{}.{}", layer, head), without, mqar_attention(pattern, head, on)));
    }
  }
  measured.push_back({"largest rise of the recall loss by one head, nats", carried});
  return table;
}

TrainedCurves mqar_curves(const std::string& caption, const std::vector<TrainLine>& log) {
  TrainedCurves curves{
      .caption = caption,
      .x_axis = "step",
      .panels = {{"loss, recall", {}}, {"loss, other", {}}, {"right, recall", {}}}};
  for (const TrainLine& line : log) {
    const auto step = static_cast<double>(line.step);
    for (const GroupLoss& group : line.groups) {
      const bool recall = group.group == "recall";
      curves.panels[recall ? 0 : 1].points.emplace_back(step, group.loss);
      if (recall) {
        curves.panels[2].points.emplace_back(step, group.accuracy);
      }
    }
  }
  return curves;
}

MqarEvaluation mqar_evaluation(const std::string& name) {
  const TrainSpec spec = read_train_spec(own_train_spec(name), name);
  Random random(1, "mqar evaluation");
  return {.rows = spec.data->draw(random, kMqarRows),
          .groups = spec.data->groups(),
          .length = spec.data->length()};
}

TrainedFindings measure_mqar(const TrainedModels& models) {
  TrainedFindings found;
  const std::pair<const char*, const char*> variants[] = {
      {"mqar", "asked keys alone in the loss"}, {"mqar_all", "every next word in the loss"}};
  for (const auto& [name, what] : variants) {
    std::vector<Measured> measured;
    found.tables.push_back(mqar_table(models.at_end(name), mqar_evaluation(name), measured));
    found.tables.back().caption =
        fmt::format("Trained with {}. {}", what, found.tables.back().caption);
    for (const Measured& each : measured) {
      found.measured.push_back({fmt::format("{} ({})", each.quantity, name), each.value});
    }
    found.curves.push_back(
        mqar_curves(fmt::format("Recall and the rest apart, {}.", what), models.log(name)));
  }
  return found;
}

}  // namespace

TrainedReproduction mqar_reproduction() {
  return {.name = "mqar",
          .title = "Multi-query associative recall",
          .source = "Arora et al. 2023, Zoology, arXiv:2312.04927",
          .specs = {"mqar", "mqar_all"},
          .published = {{.what = "accuracy of recall, two layers of one head, %",
                         .model = "d_model 64 to 512, 4 to 64 pairs",
                         .published = "about 100",
                         .quantity = "recall accuracy, % (mqar)"}},
          .measure = measure_mqar};
}

}  // namespace headscope
