#include <algorithm>

#include "analyses/training/trained_reproduction.h"
#include "lib/families/load.h"

namespace headscope {

std::span<const TrainedReproduction> all_trained_reproductions() {
  static const std::vector<TrainedReproduction> all{backcopy_reproduction(),
                                                    mqar_reproduction(),
                                                    addition_reproduction(),
                                                    random_features_reproduction()};
  return all;
}

const TrainedReproduction* find_trained_reproduction(const std::string& name) {
  const auto all = all_trained_reproductions();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const TrainedReproduction& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Model TrainedModels::at_end(const std::string& spec) const {
  return load_model(folder_of(spec).string());
}

Model TrainedModels::at_step(const std::string& spec, std::int64_t step) const {
  return load_model(checkpoint_folder(folder_of(spec), step).string());
}

std::vector<TrainLine> TrainedModels::log(const std::string& spec) const {
  return read_train_log(folder_of(spec));
}

TrainedResult reproduce_trained(const TrainedReproduction& what, const TrainedRunOptions& options) {
  const TrainedModels models(options.folder);
  for (const std::string& name : what.specs) {
    const TrainSpec spec = read_train_spec(own_train_spec(name), "data/train/" + name + ".json");
    TrainRun run{.spec = &spec,
                 .folder = models.folder_of(name),
                 .device = options.device,
                 .if_exists = IfExists::resume,
                 .command_line = options.command_line,
                 .stop = options.stop};
    run.progress = [&](std::int64_t done, std::int64_t total) {
      if (options.progress) {
        options.progress(name, done, total);
      }
    };
    train_model(run);
  }
  return {.what = &what, .found = what.measure(models)};
}

}  // namespace headscope
