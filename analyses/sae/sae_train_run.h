// Training of one or several sparse autoencoders on one pass over the activations: batches, the
// log, checkpoints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "analyses/sae/sae_trainer.h"
#include "hooks/activation_stream.h"
#include "hooks/stored/if_exists.h"

namespace headscope {

// The first rows are mixed for so many batches, and twice as many each time after until the buffer
// is full: so training starts before it is. Part of what decides the order of rows.
inline constexpr std::int64_t kSaeFirstBatches = 8;

struct SaePlan {
  std::string name;  // its folder below the run's, empty: the run's own
  std::string site;  // one hook point
  SaeTrainOptions options;
};

// The rows come from these traces, or else from the model running over the prompts.
struct SaeSource {
  std::vector<std::filesystem::path> traces{};
  const Model* model = nullptr;
  const std::vector<Prompt>* prompts = nullptr;
};

struct SaeTrainRun {
  std::vector<SaePlan> plans;
  std::filesystem::path folder;
  std::int64_t batch_rows = 4096;
  std::int64_t tokens = 0;  // rows to train on; the data are gone through as often as that takes
  std::int64_t first_position = 0;  // of each prompt, what lies before is left out
  std::size_t buffer_bytes = std::size_t{512} << 20;
  std::uint64_t seed = 0;  // of the order of rows
  at::Device device = at::kCPU;
  std::int64_t log_every = 10;          // steps
  std::int64_t checkpoint_every = 500;  // steps
  IfExists if_exists = IfExists::fail;
  Json identity = Json::object();  // what must agree for a stopped run to go on
  Json metadata = Json::object();  // into cfg.json: where it came from
  std::string model_name;
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // steps
  std::function<bool()> stop = {};  // asked between steps; true: a checkpoint, then Interrupted
};

struct SaeTrained {
  std::string name;
  std::filesystem::path folder;
  std::string site;
  std::int64_t d_in = 0;
  SaeTrainState last;
  std::vector<SaeTrainState> log;  // what train.jsonl says of it, earlier runs' lines too
};

struct SaeTrainResult {
  std::vector<SaeTrained> saes;
  std::int64_t steps = 0;
  std::int64_t resumed_at = 0;  // steps that an earlier run had done
  std::int64_t rows = 0;        // trained on now
  std::int64_t rows_per_epoch = 0;
  double seconds = 0.0;  // of the steps done now
};

// The steps that `tokens` rows make in batches of `batch_rows`, at least 1.
std::int64_t steps_of(std::int64_t tokens, std::int64_t batch_rows);

// Writes train.jsonl (the log, a line a SAE and logged step), checkpoint.safetensors while it runs,
// and each SAE as a SAELens directory at the end. A run that was stopped or killed goes on from its
// last checkpoint and ends with the same weights (f32 on one thread, the same machine) as one that
// never stopped. Throws UsageError for a site the source lacks, and for what LineLog refuses;
// Interrupted after `stop`.
SaeTrainResult train_saes(const SaeTrainRun& run, const SaeSource& source);

}  // namespace headscope
