#include "cli/reproduce/reproduce_run.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include "cli/interrupt.h"
#include "cli/render/progress.h"
#include "cli/sweep/sweep_run.h"
#include "hooks/provenance.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

// A bar in thousandths.
class StepBar {
 public:
  explicit StepBar(const std::string& name) : bar_(1000, {.label = name, .unit = "‰"}) {}
  void show(const std::string& step, double part) {
    bar_.note(step);
    const auto now = static_cast<std::int64_t>(part * 1000);
    bar_.add(std::max<std::int64_t>(0, now - done_));
    done_ = std::max(done_, now);
  }

 private:
  Progress bar_;
  std::int64_t done_ = 0;
};

HeadResult run_heads(const ReproduceArguments& options,
                     const HeadReproduction& what,
                     const Model& model,
                     std::uint64_t seed) {
  StepBar bar(what.name);
  HeadRunOptions heads = options.heads;
  heads.seeds.clear();
  for (int s = 0; s < options.head_seeds; ++s) {
    heads.seeds.push_back(seed + static_cast<std::uint64_t>(s));
  }
  heads.stop = interrupted;
  heads.progress = [&](const std::string& step, double part) { bar.show(step, part); };
  return reproduce_heads(model, what, heads);
}

ComponentReuse run_reuse(const ReproduceArguments& options,
                         const Model& model,
                         std::uint64_t seed) {
  StepBar bar{std::string(kReuse)};
  ReuseOptions reuse = reuse_options(options, seed);
  reuse.memory = memory_for(options.memory, model);
  reuse.stop = interrupted;
  reuse.progress = [&](const std::string& step, double part) { bar.show(step, part); };
  return component_reuse(model, reuse);
}

std::filesystem::path steps_path(const ReproduceArguments& options, const std::string& name) {
  return std::filesystem::path(options.out) / (name + ".steps.jsonl");
}

StudyAnswer answer_study(const ReproduceArguments& options,
                         const Study& what,
                         const Model& model,
                         std::uint64_t seed) {
  StepBar bar(what.name);
  StudyOptions study = options.study;
  study.seed = seed;
  study.memory = memory_for(options.memory, model);
  study.stop = interrupted;
  const Json from = provenance(model, {.command_line = "", .seed = seed});
  return {&what,
          run_study(what,
                    model,
                    study,
                    {.path = steps_path(options, what.name),
                     .identity = study_identity(what, study, from.at("identity")),
                     .if_exists = options.resume ? IfExists::resume : IfExists::replace,
                     .progress = [&](const std::string& step, std::size_t done, std::size_t total) {
                       bar.show(step, static_cast<double>(done) / static_cast<double>(total));
                     }})};
}

}  // namespace

Found run_reproductions(const ReproduceArguments& options, const Model& model, std::uint64_t seed) {
  Found results;
  for (const std::string& name : options.names) {
    if (const Study* study = find_study(name)) {
      results.studies.push_back(answer_study(options, *study, model, seed));
      continue;
    }
    if (const HeadReproduction* heads = find_head_reproduction(name)) {
      results.heads.push_back(run_heads(options, *heads, model, seed));
      if (results.heads.back().stopped) {
        throw Interrupted();
      }
      continue;
    }
    if (is_reuse(name)) {
      results.reuse = run_reuse(options, model, seed);
      if (results.reuse->stopped) {
        throw Interrupted();
      }
      continue;
    }
    StepBar bar(name);
    ReproduceOptions reproduction = options.reproduce;
    reproduction.seed = seed;
    reproduction.memory = memory_for(options.memory, model);
    reproduction.stop = interrupted;
    reproduction.progress = [&](const std::string& step, double part) { bar.show(step, part); };
    results.circuits.push_back(reproduce(model, find_reproduction(name), reproduction));
    if (results.circuits.back().stopped) {
      throw Interrupted();
    }
  }
  return results;
}

}  // namespace headscope
