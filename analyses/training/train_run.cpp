#include "analyses/training/train_run.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>

#include "hooks/stored/line_log.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/version.h"
#include "lib/families/parameters.h"
#include "lib/families/write_hooked_transformer.h"
#include "lib/tensor/ops.h"
#include "lib/text/word_level.h"

namespace headscope {
namespace {

constexpr FileKind kTrainLog{.format = "headscope-training",
                             .version = 1,
                             .noun = "log of training",
                             .source = "`headscope train` makes one; choose another -o",
                             .again = "start again with --overwrite",
                             .form = FileKind::Form::lines};

constexpr const char* kState = "state.safetensors";

Json line_json(const TrainLine& line) {
  Json groups = Json::object();
  for (const GroupLoss& group : line.groups) {
    groups[group.group] = {
        {"positions", group.positions}, {"loss", group.loss}, {"accuracy", group.accuracy}};
  }
  return {{"step", line.step},
          {"loss", line.loss},
          {"lr", line.rate},
          {"gradient_norm", line.gradient_norm},
          {"groups", groups}};
}

double number_of(const Json& json, const char* name) {
  return json.at(name).is_null() ? std::numeric_limits<double>::quiet_NaN()
                                 : json.at(name).get<double>();
}

TrainLine line_of(const Json& json) {
  TrainLine line{.step = json.at("step").get<std::int64_t>(),
                 .loss = json.at("loss").get<double>(),
                 .rate = json.at("lr").get<double>(),
                 .gradient_norm = json.at("gradient_norm").get<double>(),
                 .groups = {}};
  for (const auto& [name, group] : json.at("groups").items()) {
    line.groups.push_back({.group = name,
                           .positions = group.at("positions").get<std::int64_t>(),
                           .loss = number_of(group, "loss"),
                           .accuracy = number_of(group, "accuracy")});
  }
  return line;
}

// Whether an earlier training left its log there. UsageError for a folder with another model, which
// training would take the place of.
bool holds_training(const std::filesystem::path& folder) {
  const bool ours = path_exists(folder / "log.jsonl");
  for (const char* file : {"config.json", "model.safetensors"}) {
    if (!ours && path_exists(folder / file)) {
      throw UsageError("{}: holds a model that was not trained there ({}); choose another -o",
                       folder.string(),
                       file);
    }
  }
  return ours;
}

class TrainingRun {
 public:
  explicit TrainingRun(const TrainRun& run)
      : run_(run),
        spec_(*run.spec),
        had_training_(holds_training(run.folder)),
        trainer_(spec_, run.device),
        log_(run.folder / "log.jsonl", kTrainLog, {{"spec", spec_.json}}, run.if_exists) {
    take_up_log();
    if (run.if_exists == IfExists::resume) {
      take_up_state();
    } else if (had_training_) {
      forget_earlier_run();
    }
  }

  TrainResult go() {
    if (done_before_) {
      result_.steps = result_.resumed_at = spec_.steps;
      return result_;
    }
    result_.resumed_at = trainer_.steps_done();
    const auto begin = std::chrono::steady_clock::now();
    keep_model();
    while (trainer_.steps_done() < spec_.steps) {
      one_step();
      const std::int64_t done = trainer_.steps_done();
      if (run_.progress) {
        run_.progress(done, spec_.steps);
      }
      keep_model();
      const bool stopping = run_.stop && run_.stop() && done < spec_.steps;
      if (stopping || (done % run_.save_every == 0 && done < spec_.steps)) {
        write_file(run_.folder / kState, safetensors_bytes(trainer_.state()));
      }
      if (stopping) {
        throw Interrupted();
      }
    }
    result_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    result_.steps = spec_.steps;
    finish();
    return result_;
  }

 private:
  void take_up_log() {
    for (std::size_t i = 0; i < log_.found().size(); ++i) {
      try {
        result_.log.push_back(line_of(log_.found()[i]));
      } catch (const Json::exception&) {
        log_.refuse_line(i);
      }
    }
  }

  void take_up_state() {
    if (path_exists(run_.folder / kState)) {
      trainer_.restore(run_.folder / kState);
    } else if (is_finished()) {
      done_before_ = true;
    }
  }

  // A finished run has its train.json, of this very spec, and no state left.
  [[nodiscard]] bool is_finished() const {
    const auto file = run_.folder / "train.json";
    return path_exists(file) && read_json(file).value("spec", Json()) == spec_.json;
  }

  // So that a later --resume does not take it for its own.
  void forget_earlier_run() const {
    std::error_code ignored;
    for (const char* file : {kState, "train.json", "config.json", "model.safetensors"}) {
      std::filesystem::remove(run_.folder / file, ignored);
    }
    std::filesystem::remove_all(run_.folder / "checkpoints", ignored);
  }

  void one_step() {
    const std::int64_t before = trainer_.steps_done();
    const bool told = before % spec_.log_every == 0 || before + 1 == spec_.steps;
    const auto held_out = told ? trainer_.held_out() : std::nullopt;
    TrainMeasure measure =
        trainer_.step(told ? ModelTrainer::Tell::groups : ModelTrainer::Tell::loss);
    result_.tokens += measure.tokens;
    if (!told || (!result_.log.empty() && before <= result_.log.back().step)) {
      return;  // an earlier run got this far and wrote the same
    }
    TrainLine line{.step = before,
                   .loss = measure.loss,
                   .rate = spec_.optimizer.rate * rate_factor(spec_, before),
                   .gradient_norm = measure.gradient_norm,
                   .groups = std::move(measure.groups)};
    if (held_out) {
      line.groups.push_back(*held_out);
    }
    log_.add(line_json(line));
    result_.log.push_back(line_of(line_json(line)));
  }

  void keep_model() const {
    const std::int64_t step = trainer_.steps_done();
    if (std::binary_search(spec_.checkpoints.begin(), spec_.checkpoints.end(), step)) {
      write_model(checkpoint_folder(run_.folder, step));
    }
  }

  void write_model(const std::filesystem::path& folder) const {
    const Model model = trainer_.model();
    write_model_directory(folder,
                          {model.config(), model.weights(), word_level_files(spec_.data->words())});
  }

  void finish() const {
    write_model(run_.folder);
    OrderedJson json = {{"headscope_version", kVersion},
                        {"command_line", run_.command_line},
                        {"spec", spec_.json},
                        {"steps", spec_.steps},
                        {"last", line_json(result_.log.back())}};
    write_file(run_.folder / "train.json", json.dump(1) + "\n");
    std::error_code ignored;
    std::filesystem::remove(run_.folder / kState, ignored);
  }

  const TrainRun& run_;
  const TrainSpec& spec_;
  bool had_training_ = false;
  ModelTrainer trainer_;
  LineLog log_;
  TrainResult result_;
  bool done_before_ = false;
};

}  // namespace

std::filesystem::path checkpoint_folder(const std::filesystem::path& folder, std::int64_t step) {
  return folder / "checkpoints" / fmt::format("step-{:08}", step);
}

TrainResult train_model(const TrainRun& run) {
  return TrainingRun(run).go();
}

std::vector<TrainLine> read_train_log(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "log.jsonl";
  std::ifstream in(file);
  if (!in) {
    throw DataError("{}: cannot be read; headscope train writes one", file.string());
  }
  std::vector<TrainLine> lines;
  std::string text;
  for (std::int64_t number = 1; std::getline(in, text); ++number) {
    const std::string where = fmt::format("{}:{}", file.string(), number);
    const Json json = parse_json_line(text, where);
    if (number == 1) {
      continue;
    }
    try {
      lines.push_back(line_of(json));
    } catch (const Json::exception&) {
      throw DataError("{}: no line of a log of training", where);
    }
  }
  return lines;
}

}  // namespace headscope
