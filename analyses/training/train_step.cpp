#include "analyses/training/train_step.h"

#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>

#include "lib/base/error.h"
#include "lib/families/parameters.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/gaussian.h"
#include "lib/tensor/ops.h"
#include "lib/weights/weight_source.h"

namespace headscope {
namespace {

Tensor int_tensor(const std::vector<std::int32_t>& values, const at::Device& device) {
  return index_tensor(std::vector<std::int64_t>(values.begin(), values.end()), device);
}

// −log p of the label at every position, [B·T]; where there is none, that of token 0.
Tensor surprisals(const Tensor& logits, const Tensor& labels) {
  const Tensor log_p = at::log_softmax(logits.flatten(0, 1), -1);
  return log_p.gather(1, labels.clamp_min(0).unsqueeze(1)).squeeze(1).neg();
}

// The weight of every position in the loss, their sum 1.
Tensor loss_weights(const TrainRows& rows, const std::vector<TrainGroup>& groups) {
  std::vector<float> weights(rows.labels.size(), 0.0f);
  double total = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (rows.labels[i] >= 0) {
      const double weight = groups[static_cast<std::size_t>(rows.groups[i])].weight;
      weights[i] = static_cast<float>(weight);
      total += weight;
    }
  }
  if (!(total > 0.0)) {
    throw InternalError("rows to train on in which nothing is asked");
  }
  return at::tensor(weights) / total;
}

bool is_bias(const std::string& name) {
  return name.find("b_") != std::string::npos || name.ends_with(".b");
}

void draw(const std::map<std::string, Parameter>& parameters,
          double scale,
          std::uint64_t seed,
          std::uint64_t& stream) {
  for (const auto& [name, p] : parameters) {
    Tensor rows = p.tensor->narrow(0, p.first_row, p.rows);
    if (is_bias(name)) {
      rows.zero_();
    } else if (p.is_norm) {
      rows.fill_(1.0);
    } else {
      rows.copy_(gaussian(rows.sizes().vec(), seed, stream) * scale);
    }
    ++stream;
  }
}

Weights drawn_weights(const TrainSpec& spec) {
  Weights weights = allocate_weights(spec.model, DType::f32);
  std::uint64_t stream = 0;
  draw(model_parameters(weights, spec.model), spec.init_scale, spec.seed, stream);
  std::int64_t layer = 0;
  for (BlockWeights& block : weights.blocks) {
    draw(block_parameters(block, spec.model, layer++), spec.init_scale, spec.seed, stream);
  }
  return weights;
}

double norm_of(const std::vector<Tensor>& tensors) {
  double sum = 0.0;
  for (const Tensor& tensor : tensors) {
    sum += tensor.square().sum().item<double>();
  }
  return std::sqrt(sum);
}

// The rows of `after` that belong to frozen parameters become those of `before` again.
void put_back(const std::map<std::string, Parameter>& after,
              const std::map<std::string, Parameter>& before,
              const std::vector<std::string>& frozen) {
  for (const std::string& name : frozen) {
    if (const auto p = after.find(name); p != after.end()) {
      const Parameter& old = before.at(name);
      p->second.tensor->narrow(0, p->second.first_row, p->second.rows)
          .copy_(old.tensor->narrow(0, old.first_row, old.rows));
    }
  }
}

}  // namespace

std::vector<GroupLoss> group_losses(const Tensor& logits,
                                    const TrainRows& rows,
                                    const std::vector<TrainGroup>& groups) {
  const Tensor labels = int_tensor(rows.labels, logits.device());
  const Tensor losses = surprisals(logits, labels).to(at::kDouble);
  const Tensor right = logits.flatten(0, 1).argmax(-1).eq(labels).to(at::kDouble);
  const Tensor group_of = int_tensor(rows.groups, logits.device());
  std::vector<GroupLoss> out;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const Tensor in = labels.ge(0).logical_and(group_of.eq(static_cast<std::int64_t>(g)));
    const double positions = in.sum().item<double>();
    const Tensor mask = in.to(at::kDouble);
    out.push_back({.group = groups[g].name,
                   .positions = static_cast<std::int64_t>(positions),
                   .loss = (losses * mask).sum().item<double>() / positions,
                   .accuracy = (right * mask).sum().item<double>() / positions});
  }
  return out;
}

Batch batch_of_rows(const TrainRows& rows) {
  const std::size_t length = rows.tokens.size() / static_cast<std::size_t>(rows.rows);
  std::vector<std::vector<std::int32_t>> prompts;
  for (auto row = rows.tokens.begin(); row != rows.tokens.end();) {
    const auto end = row + static_cast<std::ptrdiff_t>(length);
    prompts.emplace_back(row, end);
    row = end;
  }
  return Batch(prompts);
}

ModelTrainer::ModelTrainer(const TrainSpec& spec, const Device& device)
    : spec_(spec), device_(device), weights_(drawn_weights(spec)) {
  for_each_tensor(weights_, [&](Tensor& tensor) { tensor = tensor.to(to_torch(device)); });
  optimizer_.emplace(spec.optimizer, parameters());
}

std::vector<Tensor> ModelTrainer::parameters() const {
  Weights weights = weights_;
  std::vector<Tensor> tensors;
  for (const Tensor* tensor : trainable_tensors(weights, spec_.model)) {
    tensors.push_back(*tensor);
  }
  return tensors;
}

void ModelTrainer::take(const std::vector<Tensor>& next) {
  Weights before = weights_;
  std::size_t i = 0;
  for (Tensor* tensor : trainable_tensors(weights_, spec_.model)) {
    *tensor = next[i++];
  }
  put_back(
      model_parameters(weights_, spec_.model), model_parameters(before, spec_.model), spec_.frozen);
  for (std::size_t layer = 0; layer < weights_.blocks.size(); ++layer) {
    const auto number = static_cast<std::int64_t>(layer);
    put_back(block_parameters(weights_.blocks[layer], spec_.model, number),
             block_parameters(before.blocks[layer], spec_.model, number),
             spec_.frozen);
  }
}

Model ModelTrainer::model() const {
  return Model({.config = spec_.model,
                .weights = weights_,
                .tokenizer = nullptr,
                .device = device_,
                .dtype = DType::f32,
                .source = {.name = spec_.name, .files = {}, .weights_hash = {}}});
}

TrainMeasure ModelTrainer::step(Tell tell) {
  const at::NoGradGuard no_grad;
  // Every step draws from a stream of its own, so that a run that goes on need not draw what came
  // before.
  Random random(spec_.seed, "rows of step " + std::to_string(steps_));
  const TrainRows rows = spec_.data->draw(random, spec_.batch);
  const auto groups = spec_.data->groups();
  const at::Device device = to_torch(device_);
  const Tensor labels = int_tensor(rows.labels, device);
  const Tensor weights = loss_weights(rows, groups).to(device);
  const ParameterGradients found =
      parameter_gradients(model(), batch_of_rows(rows), [&](const Tensor& logits) {
        return (surprisals(logits, labels) * weights).sum();
      });
  TrainMeasure measure{.loss = found.loss,
                       .gradient_norm = 0.0,
                       .tokens = static_cast<std::int64_t>(rows.tokens.size()),
                       .groups = {}};
  if (!std::isfinite(found.loss)) {
    throw DataError("{}: the loss of step {} is {}; try a lower \"lr\", a \"clip\" or a \"warmup\"",
                    spec_.name,
                    steps_ + 1,
                    found.loss);
  }
  std::vector<Tensor> gradients = found.gradients;
  if (tell == Tell::groups || spec_.clip > 0.0) {
    measure.gradient_norm = norm_of(gradients);
  }
  if (spec_.clip > 0.0 && measure.gradient_norm > spec_.clip) {
    for (Tensor& gradient : gradients) {
      gradient = gradient * (spec_.clip / measure.gradient_norm);
    }
  }
  if (tell == Tell::groups) {
    measure.groups = group_losses(found.logits, rows, groups);
  }
  take(optimizer_->step(parameters(), gradients, rate_factor(spec_, steps_)));
  ++steps_;
  return measure;
}

std::optional<GroupLoss> ModelTrainer::held_out() const {
  const auto rows = spec_.data->held_out();
  if (!rows) {
    return std::nullopt;
  }
  return group_losses(model().forward(batch_of_rows(*rows)).logits, *rows, {{"held_out"}}).front();
}

std::vector<NamedArray> ModelTrainer::state() const {
  std::vector<NamedArray> arrays{
      {"steps", {2}, {static_cast<float>(steps_ % 4096), static_cast<float>(steps_ / 4096)}}};
  const auto add = [&](const std::string& kind, const std::vector<Tensor>& tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Tensor flat = tensors[i].to(at::kCPU, at::kFloat).contiguous();
      const auto* begin = flat.const_data_ptr<float>();
      arrays.push_back(
          {kind + std::to_string(i), flat.sizes().vec(), {begin, begin + flat.numel()}});
    }
  };
  add("parameter.", parameters());
  add("first.", optimizer_->first());
  add("second.", optimizer_->second());
  return arrays;
}

void ModelTrainer::restore(const std::filesystem::path& file) {
  const auto source = open_safetensors(file);
  std::map<std::string, Tensor> found;
  for (const StoredTensor& stored : source->tensors()) {
    Tensor tensor = at::empty(stored.shape, at::kFloat);
    source->read_rows(stored, 0, stored.rows(), DType::f32, tensor.data_ptr());
    found[stored.name] = tensor;
  }
  const auto stored = [&](const std::string& name, at::IntArrayRef shape) {
    const auto at = found.find(name);
    if (at == found.end() || !at->second.sizes().equals(shape)) {
      throw DataError(
          "{}: no checkpoint of this model's training ({}); start again with "
          "--overwrite",
          file.string(),
          name);
    }
    return at->second;
  };
  const std::vector<Tensor> now = parameters();
  std::vector<std::vector<Tensor>> kinds(3);
  for (std::size_t i = 0; i < now.size(); ++i) {
    std::size_t kind = 0;
    for (const char* name : {"parameter.", "first.", "second."}) {
      kinds[kind++].push_back(
          stored(name + std::to_string(i), now[i].sizes()).to(to_torch(device_)));
    }
  }
  const Tensor steps = stored("steps", {2});
  steps_ = static_cast<std::int64_t>(steps[0].item<float>()) +
           4096 * static_cast<std::int64_t>(steps[1].item<float>());
  take(kinds[0]);
  optimizer_->restore(kinds[1], kinds[2], steps_);
}

}  // namespace headscope
