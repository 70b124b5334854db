// A small transformer to train from scratch, as a JSON file says it (data/TRAIN_FORMAT.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyses/training/optimizer.h"
#include "analyses/training/train_task.h"
#include "lib/base/json.h"
#include "lib/model/config.h"

namespace headscope {

// none: the rate stays. linear, cosine: down to 0 at the last step.
enum class RateDecay { none, linear, cosine };

struct TrainSpec {
  std::string name;
  Json json;  // as read, the seed filled in: what must agree for a stopped run to go on
  std::string task;
  std::shared_ptr<const TrainData> data;
  ModelConfig model;
  OptimizerOptions optimizer;
  std::int64_t warmup = 0;  // steps from 0 up to the rate, linear
  RateDecay decay = RateDecay::none;
  std::int64_t steps = 0;
  std::int64_t batch = 0;                 // rows a step; 0: all there are
  double clip = 0.0;                      // the gradient's norm is at most this; 0: as it is
  double init_scale = 0.0;                // standard deviation of matrices at the start
  std::vector<std::string> frozen;        // parameters that stay as they are drawn
  std::uint64_t seed = 0;                 // of the data and of the parameters at the start
  std::int64_t log_every = 0;             // steps
  std::vector<std::int64_t> checkpoints;  // steps whose model is kept, ascending
};

// `seed` takes the place of the file's. Throws DataError naming `where` and the field: missing, of
// another type, out of range, unknown, or against another.
TrainSpec read_train_spec(const Json& json,
                          const std::string& where,
                          std::optional<std::uint64_t> seed = std::nullopt);

// What the rate is multiplied by in step `step`, counted from 0.
double rate_factor(const TrainSpec& spec, std::int64_t step);

// The specs of data/train, compiled in, by name; UsageError naming near ones.
std::vector<std::string> own_train_specs();
Json own_train_spec(const std::string& name);

}  // namespace headscope
