#include "analyses/sae/sae_train_run.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "hooks/stored/line_log.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/sae/sae_files.h"

namespace headscope {
namespace {

constexpr FileKind kSaeLog{.format = "headscope-sae-training",
                           .version = 1,
                           .noun = "log of training",
                           .source = "`headscope sae train` makes one; choose another -o",
                           .again = "start again with --overwrite",
                           .form = FileKind::Form::lines};

constexpr const char* kCheckpoint = "checkpoint.safetensors";

ActivationStreamOptions stream_options_of(const SaeTrainRun& run, std::int64_t epochs) {
  ActivationStreamOptions options;
  for (const SaePlan& plan : run.plans) {
    if (std::find(options.hooks.begin(), options.hooks.end(), plan.site) == options.hooks.end()) {
      options.hooks.push_back(plan.site);
    }
  }
  options.batch_rows = run.batch_rows;
  options.buffer_bytes = run.buffer_bytes;
  options.seed = run.seed;
  options.epochs = epochs;
  options.last_batch = LastBatch::drop;
  options.first_rows = kSaeFirstBatches * run.batch_rows;
  options.rows = run.first_position > 0 ? positions_from(run.first_position) : all_positions();
  return options;
}

ActivationStream open_sae_stream(const SaeTrainRun& run, const SaeSource& source) {
  // Epochs are endless: whoever reads stops after the last step.
  const ActivationStreamOptions options =
      stream_options_of(run, std::numeric_limits<std::int32_t>::max());
  return source.traces.empty() ? ActivationStream(*source.model, *source.prompts, options)
                               : ActivationStream(source.traces, options);
}

class SaeTraining {
 public:
  SaeTraining(const SaeTrainRun& run, const SaeSource& source)
      : run_(run),
        stream_(open_sae_stream(run, source)),
        log_(run.folder / "train.jsonl", kSaeLog, run.identity, run.if_exists) {
    if (stream_.rows_per_epoch() < run.batch_rows) {
      throw UsageError(
          "{} rows of activations, fewer than a batch of {}; a smaller --batch or more text",
          stream_.rows_per_epoch(),
          run.batch_rows);
    }
    for (const SaePlan& plan : run.plans) {
      points_.push_back(point_of(plan.site));
      trainers_.emplace_back(plan.options, stream_.points()[points_.back()].width, run.device);
    }
    last_.resize(run.plans.size());
    logged_.resize(run.plans.size());
    states_.resize(run.plans.size());
    take_up();
  }

  SaeTrainResult go() {
    const std::int64_t steps = run_.plans.front().options.steps;
    const auto begin = std::chrono::steady_clock::now();
    for (step_ = resumed_at_; step_ < steps;) {
      const std::optional<ActivationBatch> batch = stream_.next();
      if (!batch) {
        throw InternalError("the stream of activations ended at step {}", step_);
      }
      const bool logged = (step_ + 1) % run_.log_every == 0 || step_ + 1 == steps;
      for (std::size_t i = 0; i < trainers_.size(); ++i) {
        const SaeTrainState state = trainers_[i].step(batch->values[points_[i]],
                                                      logged ? Measure::state : Measure::nothing);
        if (logged) {
          log(i, state);
        }
      }
      ++step_;
      if (run_.progress) {
        run_.progress(step_, steps);
      }
      const bool stopping = run_.stop && run_.stop() && step_ < steps;
      if (stopping || (step_ % run_.checkpoint_every == 0 && step_ < steps)) {
        checkpoint();
      }
      if (stopping) {
        throw Interrupted();
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return finish(took.count());
  }

 private:
  [[nodiscard]] std::size_t point_of(const std::string& site) const {
    const auto& points = stream_.points();
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (points[i].name == site) {
        return i;
      }
    }
    throw UsageError("{}: give the hook point by its full name ({})", site, points.front().name);
  }

  // Goes on from the checkpoint that an earlier run left, if it left one.
  void take_up() {
    const std::filesystem::path file = run_.folder / kCheckpoint;
    for (const Json& line : log_.found()) {
      const std::size_t sae = line.value("sae", std::size_t{0});
      if (sae < last_.size()) {
        last_[sae] = state_of(line);
        states_[sae].push_back(last_[sae]);
        logged_[sae] = last_[sae].step;
      }
    }
    if (run_.if_exists != IfExists::resume) {
      forget_earlier_run();
      return;
    }
    if (is_finished()) {
      resumed_at_ = run_.plans.front().options.steps;
      return;
    }
    if (!path_exists(file)) {
      return;
    }
    const StoredSaeTensors tensors = read_stored_tensors(file);
    for (std::size_t i = 0; i < trainers_.size(); ++i) {
      trainers_[i].restore(tensors, std::to_string(i) + ".", file.string());
    }
    resumed_at_ = trainers_.front().steps_done();
    stream_.skip(resumed_at_);  // what the earlier run saw
  }

  // So that a later --resume does not take it for its own.
  void forget_earlier_run() const {
    std::error_code ignored;
    std::filesystem::remove(run_.folder / kCheckpoint, ignored);
    for (const SaePlan& plan : run_.plans) {
      std::filesystem::remove(run_.folder / plan.name / "cfg.json", ignored);
    }
  }

  [[nodiscard]] bool is_finished() const {
    for (std::size_t i = 0; i < run_.plans.size(); ++i) {
      if (last_[i].step != run_.plans[i].options.steps ||
          !path_exists(run_.folder / run_.plans[i].name / "cfg.json")) {
        return false;
      }
    }
    return true;
  }

  static SaeTrainState state_of(const Json& line) {
    SaeTrainState state;
    state.step = line.value("step", std::int64_t{0});
    state.loss = line.value("loss", 0.0);
    state.squared_error = line.value("squared_error", 0.0);
    state.penalty = line.value("penalty", 0.0);
    state.auxiliary = line.value("auxiliary", 0.0);
    state.l0 = line.value("l0", 0.0);
    state.fvu = line.value("fvu", 0.0);
    state.dead = line.value("dead", std::int64_t{0});
    state.lr = line.value("lr", 0.0);
    return state;
  }

  void log(std::size_t sae, const SaeTrainState& state) {
    last_[sae] = state;
    if (state.step <= logged_[sae]) {
      return;  // an earlier run got this far and wrote the same
    }
    states_[sae].push_back(state);
    log_.add({{"sae", sae},
              {"name", run_.plans[sae].name},
              {"step", state.step},
              {"tokens", state.step * run_.batch_rows},
              {"loss", state.loss},
              {"squared_error", state.squared_error},
              {"penalty", state.penalty},
              {"auxiliary", state.auxiliary},
              {"l0", state.l0},
              {"fvu", state.fvu},
              {"dead", state.dead},
              {"lr", state.lr}});
  }

  void checkpoint() const {
    std::vector<NamedArray> arrays;
    for (std::size_t i = 0; i < trainers_.size(); ++i) {
      for (NamedArray& array : trainers_[i].state(std::to_string(i) + ".")) {
        arrays.push_back(std::move(array));
      }
    }
    write_file(run_.folder / kCheckpoint, safetensors_bytes(arrays));
  }

  SaeTrainResult finish(double seconds) {
    SaeTrainResult result{.saes = {},
                          .steps = step_,
                          .resumed_at = resumed_at_,
                          .rows = (step_ - resumed_at_) * run_.batch_rows,
                          .rows_per_epoch = stream_.rows_per_epoch(),
                          .seconds = seconds};
    for (std::size_t i = 0; i < trainers_.size(); ++i) {
      const SaePlan& plan = run_.plans[i];
      SaeConfig config;
      config.hook = plan.site;
      config.model = run_.model_name;
      config.metadata = run_.metadata;
      config.metadata["training_architecture"] = to_string(plan.options.arch);
      config.metadata["training"] = {{"steps", step_},
                                     {"batch", run_.batch_rows},
                                     {"final_l0", last_[i].l0},
                                     {"final_fvu", last_[i].fvu},
                                     {"final_dead", last_[i].dead}};
      const std::filesystem::path folder = run_.folder / plan.name;
      if (resumed_at_ < step_) {
        write_sae(trainers_[i].finished(config), folder, trainers_[i].log_sparsity());
      }
      result.saes.push_back(
          {plan.name, folder, plan.site, stream_.points()[points_[i]].width, last_[i], states_[i]});
    }
    std::error_code ignored;
    std::filesystem::remove(run_.folder / kCheckpoint, ignored);
    return result;
  }

  const SaeTrainRun& run_;
  ActivationStream stream_;
  LineLog log_;
  std::vector<std::size_t> points_;  // of each SAE, among the stream's
  std::vector<SaeTrainer> trainers_;
  std::vector<SaeTrainState> last_;                 // what was measured last of each
  std::vector<std::int64_t> logged_;                // the last step of each in the log
  std::vector<std::vector<SaeTrainState>> states_;  // of each, the log
  std::int64_t resumed_at_ = 0;
  std::int64_t step_ = 0;
};

}  // namespace

std::int64_t steps_of(std::int64_t tokens, std::int64_t batch_rows) {
  return std::max<std::int64_t>(1, (tokens + batch_rows - 1) / batch_rows);
}

SaeTrainResult train_saes(const SaeTrainRun& run, const SaeSource& source) {
  if (run.plans.empty()) {
    throw UsageError("no sparse autoencoder to train; name a --site");
  }
  return SaeTraining(run, source).go();
}

}  // namespace headscope
