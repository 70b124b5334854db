#include "analyses/training/train_spec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>
#include <utility>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/families/families.h"
#include "lib/families/parameters.h"

namespace headscope {
namespace {

constexpr std::int64_t kMostSteps = 100'000'000;

ConfigFields object_field(ConfigFields& f, const char* name) {
  const Json inner = f.raw(name);
  if (!inner.is_object()) {
    throw DataError("{}: \"{}\" is not an object", f.where(), name);
  }
  return {inner, f.where() + ": \"" + name + "\""};
}

double number_between(ConfigFields& f, const char* name, double fallback, double low, double high) {
  const double value = f.number(name, fallback);
  if (!(value >= low && value <= high)) {
    throw DataError(
        "{}: \"{}\" is {}; it lies between {} and {}", f.where(), name, value, low, high);
  }
  return value;
}

void read_task(ConfigFields& f, TrainSpec& spec) {
  ConfigFields task = object_field(f, "task");
  spec.task = task.text("name");
  spec.data = train_task(spec.task, task.where()).make(task, spec.seed);
  task.finish();
}

// The vocabulary is the task's, and so is the context where "n_ctx" says nothing.
void read_model(ConfigFields& f, TrainSpec& spec) {
  Json json = f.raw("model");
  const std::string where = f.where() + ": \"model\"";
  if (!json.is_object()) {
    throw DataError("{} is not an object", where);
  }
  if (json.contains("d_vocab")) {
    throw DataError("{}: leave out \"d_vocab\"; it is the task's", where);
  }
  json["d_vocab"] = spec.data->words().size();
  if (!json.contains("n_ctx")) {
    json["n_ctx"] = spec.data->length();
  }
  const Family family = hooked_transformer_family();
  ConfigFields fields(std::move(json), where);
  spec.model = family.config(fields);
  fields.finish();
  spec.model.family = family.name;
  spec.model.architecture = family.architectures.front();
  check(spec.model);
  if (spec.model.n_ctx < spec.data->length()) {
    throw DataError("{}: \"n_ctx\" {} is less than the task's rows of {} tokens",
                    where,
                    spec.model.n_ctx,
                    spec.data->length());
  }
}

void read_optimizer(ConfigFields& f, TrainSpec& spec) {
  ConfigFields o = object_field(f, "optimizer");
  OptimizerOptions& options = spec.optimizer;
  const std::string name = o.text("name");
  try {
    options.kind = parse_optimizer(name);
  } catch (const UsageError& error) {
    throw DataError("{}: {}", o.where(), error.what());
  }
  options.rate = number_between(o, "lr", 1e-3, 0.0, 1e3);
  options.weight_decay = number_between(o, "weight_decay", 0.0, 0.0, 1e3);
  if (options.kind == OptimizerKind::sgd) {
    options.momentum = number_between(o, "momentum", 0.0, 0.0, 0.9999);
  } else {
    options.beta1 = number_between(o, "beta1", 0.9, 0.0, 0.999999);
    options.beta2 = number_between(o, "beta2", 0.999, 0.0, 0.999999);
    options.eps = number_between(o, "eps", 1e-8, 1e-30, 1.0);
  }
  spec.warmup = integer_between(o, "warmup", 0, 0, kMostSteps);
  const std::string decay = o.text("decay", "none");
  if (decay != "none" && decay != "linear" && decay != "cosine") {
    throw DataError("{}: \"decay\" is \"{}\"; there are none, linear, cosine", o.where(), decay);
  }
  spec.decay = decay == "linear"   ? RateDecay::linear
               : decay == "cosine" ? RateDecay::cosine
                                   : RateDecay::none;
  o.finish();
}

void read_steps(ConfigFields& f, TrainSpec& spec) {
  spec.steps = integer_between(f, "steps", f.integer("steps"), 1, kMostSteps);
  spec.batch = integer_between(f, "batch", f.integer("batch"), 0, 10'000'000);
  if (spec.batch == 0 && !spec.data->finite()) {
    throw DataError("{}: \"batch\" 0 means all rows, but the task {} never ends making new ones",
                    f.where(),
                    spec.task);
  }
  spec.clip = number_between(f, "clip", 0.0, 0.0, 1e30);
  spec.init_scale = number_between(
      f, "init_scale", 0.8 / std::sqrt(static_cast<double>(spec.model.d_model)), 0.0, 1e3);
  spec.log_every =
      integer_between(f, "log_every", std::max<std::int64_t>(1, spec.steps / 100), 1, kMostSteps);
  if (spec.warmup > spec.steps) {
    throw DataError("{}: a \"warmup\" of {} steps is longer than the {} \"steps\"",
                    f.where(),
                    spec.warmup,
                    spec.steps);
  }
}

// "checkpoints": a list of steps, or {"every": N}.
void read_checkpoints(ConfigFields& f, TrainSpec& spec) {
  const Json list = f.raw("checkpoints");
  const auto is_step = [&](const Json& step) {
    return step.is_number_integer() && step >= 0 && step <= spec.steps;
  };
  if (list.is_object() && list.size() == 1 && list.contains("every") && is_step(list["every"]) &&
      list["every"] > 0) {
    for (std::int64_t step = 0; step <= spec.steps; step += list["every"].get<std::int64_t>()) {
      spec.checkpoints.push_back(step);
    }
    return;
  }
  if (!list.is_null() && (!list.is_array() || !std::all_of(list.begin(), list.end(), is_step))) {
    throw DataError(
        "{}: \"checkpoints\" is a list of steps from 0 to {}, or {{\"every\": STEPS}}, not {}",
        f.where(),
        spec.steps,
        list.dump());
  }
  for (const Json& step : list) {
    spec.checkpoints.push_back(step.get<std::int64_t>());
  }
  std::sort(spec.checkpoints.begin(), spec.checkpoints.end());
  spec.checkpoints.erase(std::unique(spec.checkpoints.begin(), spec.checkpoints.end()),
                         spec.checkpoints.end());
}

void read_frozen(ConfigFields& f, TrainSpec& spec) {
  const Json list = f.raw("frozen");
  if (list.is_null()) {
    return;
  }
  Weights weights = allocate_weights(spec.model, DType::f32);
  std::set<std::string> known;
  for (const auto& [name, parameter] : model_parameters(weights, spec.model)) {
    known.insert(name);
  }
  for (const auto& [name, parameter] : block_parameters(weights.blocks.front(), spec.model, 0)) {
    known.insert(name);
  }
  if (!list.is_array()) {
    throw DataError("{}: \"frozen\" is not a list of parameters", f.where());
  }
  for (const Json& name : list) {
    if (!name.is_string() || !known.contains(name.get<std::string>())) {
      throw DataError("{}: \"frozen\" holds {}; the model's parameters are {}",
                      f.where(),
                      name.dump(),
                      fmt::join(known, ", "));
    }
    spec.frozen.push_back(name.get<std::string>());
  }
}

}  // namespace

TrainSpec read_train_spec(const Json& json,
                          const std::string& where,
                          std::optional<std::uint64_t> seed) {
  if (!json.is_object()) {
    throw DataError("{}: a spec of training is a JSON object", where);
  }
  TrainSpec spec;
  spec.json = json;
  if (seed) {
    spec.json["seed"] = *seed;
  }
  ConfigFields f(spec.json, where);
  try {
    if (f.text("format") != "headscope-train" || f.integer("version") != 1) {
      throw DataError("{}: \"format\" is not \"headscope-train\" of \"version\" 1", where);
    }
    spec.name = f.text("name");
    f.ignore({"about"});
    spec.seed = static_cast<std::uint64_t>(
        integer_between(f, "seed", 0, 0, std::numeric_limits<std::int64_t>::max()));
    read_task(f, spec);
    read_model(f, spec);
    read_optimizer(f, spec);
    read_steps(f, spec);
    read_checkpoints(f, spec);
    read_frozen(f, spec);
  } catch (const Json::exception& error) {
    throw DataError("{}: a field has the wrong type: {}", where, error.what());
  }
  f.finish();
  return spec;
}

double rate_factor(const TrainSpec& spec, std::int64_t step) {
  const auto done = static_cast<double>(step);
  if (step < spec.warmup) {
    return (done + 1.0) / static_cast<double>(spec.warmup);
  }
  const double part = (done - static_cast<double>(spec.warmup)) /
                      static_cast<double>(std::max<std::int64_t>(1, spec.steps - spec.warmup));
  switch (spec.decay) {
    case RateDecay::none:
      return 1.0;
    case RateDecay::linear:
      return 1.0 - part;
    case RateDecay::cosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * part));
  }
  throw InternalError("unknown decay {}", static_cast<int>(spec.decay));
}

}  // namespace headscope
