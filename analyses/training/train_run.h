// Training of one model to a folder: the log, checkpoints, the model at the end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "analyses/training/train_step.h"
#include "hooks/stored/if_exists.h"

namespace headscope {

struct TrainRun {
  const TrainSpec* spec = nullptr;
  std::filesystem::path folder;
  Device device;
  std::int64_t save_every = 200;  // steps between states that a killed run goes on from
  IfExists if_exists = IfExists::fail;
  std::string command_line = {};  // into train.json
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
  std::function<bool()> stop =
      {};  // asked between steps; true: the state is kept, then Interrupted
};

// A line of the log.
struct TrainLine {
  std::int64_t step = 0;  // steps done before it was measured
  double loss = 0.0;
  double rate = 0.0;
  double gradient_norm = 0.0;
  std::vector<GroupLoss> groups;  // the held-out rows last, where there are some
};

struct TrainResult {
  std::vector<TrainLine> log;  // of the whole run
  std::int64_t steps = 0;
  std::int64_t resumed_at = 0;  // steps that an earlier run had done
  std::int64_t tokens = 0;      // read by the steps done now
  double seconds = 0.0;         // that they took
};

// Where the model of a kept step lies: "checkpoints/step-00000500".
std::filesystem::path checkpoint_folder(const std::filesystem::path& folder, std::int64_t step);

// Writes log.jsonl, checkpoints/step-…/ (models that every verb reads, of the steps the spec
// names), state.safetensors while it runs, and at the end the model itself beside train.json, the
// spec and what came of it. A run that was stopped or killed goes on from its last state and ends
// with the same weights (one thread, the same machine) as one that never stopped. The log tells
// of the rows a step is taken on, before it is taken: new rows, where the task makes them. Throws
// what LineLog and ModelTrainer do, UsageError for a folder that holds another model; Interrupted
// after `stop`.
TrainResult train_model(const TrainRun& run);

// The log of a folder. DataError where it is none, or a line is damaged.
std::vector<TrainLine> read_train_log(const std::filesystem::path& folder);

}  // namespace headscope
