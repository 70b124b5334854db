#include "cli/atlas/detect_run.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "analyses/head_detectors/atlas_run.h"
#include "analyses/head_detectors/detect_ranks.h"
#include "analyses/head_detectors/detector_choice.h"
#include "analyses/head_detectors/stored_statistics.h"
#include "analyses/sweep/trace_words.h"
#include "cli/atlas/atlas_view.h"
#include "cli/atlas/detect_progress.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "hooks/provenance.h"
#include "hooks/standing_interventions.h"
#include "hooks/stored/writer_claim.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/shell.h"

namespace headscope {
namespace {

std::vector<Detector> chosen(const DetectVerbOptions& options) {
  const bool stored = !options.trace.empty() || !options.write_prompts.empty();
  return chosen_detectors(options.detectors,
                          {options.files.begin(), options.files.end()},
                          stored ? AllDetectors::that_read_attention : AllDetectors::every_one);
}

std::vector<std::uint64_t> seeds_of(const DetectVerbOptions& options,
                                    const Invocation& invocation) {
  std::vector<std::uint64_t> seeds;
  for (int s = 0; s < options.seeds; ++s) {
    seeds.push_back(invocation.common.seed + static_cast<std::uint64_t>(s));
  }
  return seeds;
}

// The command that writes the prompts a trace for these options must hold.
std::string prompts_command(const DetectVerbOptions& options, const Invocation& invocation) {
  std::string command = "headscope detect " + shell_quoted(options.model);
  if (options.detectors != std::vector<std::string>{"all"}) {
    command += fmt::format(" --detectors {}", fmt::join(options.detectors, ","));
  }
  for (const std::string& file : options.files) {
    command += " --detector-file " + shell_quoted(file);
  }
  return command + fmt::format(" --seeds {} --seed {}", options.seeds, invocation.common.seed);
}

// One line a prompt, as `headscope record --prompts` reads them.
void write_prompts(const DetectVerbOptions& options,
                   const Invocation& invocation,
                   const Model& model,
                   const std::vector<Detector>& detectors) {
  std::string lines;
  const auto prompts = prompts_of_readings(detectors, model, seeds_of(options, invocation));
  if (prompts.empty()) {
    throw UsageError("none of these detectors reads prompts that {} can hold", options.model);
  }
  for (const Prompt& prompt : prompts) {
    lines += OrderedJson{{"id", prompt.id}, {"tokens", prompt.tokens}}.dump() + "\n";
  }
  write_file(options.write_prompts, lines);
  show(invocation,
       {{"path", options.write_prompts}, {"prompts", prompts.size()}},
       fmt::format("{}: {}\n", options.write_prompts, counted(prompts.size(), "prompt")));
}

Json provenance_of(const DetectVerbOptions& options,
                   const Invocation& invocation,
                   const Model& model,
                   const StoredRun* trace) {
  Json from =
      provenance(model, {.command_line = invocation.command_line, .seed = invocation.common.seed});
  from["identity"]["seeds"] = options.seeds;
  from["identity"]["batch_tokens"] = options.batch_tokens;
  if (trace != nullptr) {
    from["identity"]["trace"] = trace->fingerprint();
  }
  return from;
}

Atlas begin(const DetectVerbOptions& options,
            const Invocation& invocation,
            const Model& model,
            const StoredRun* trace) {
  Atlas atlas = new_atlas(model, provenance_of(options, invocation, model, trace));
  const bool goes_on = options.resume && path_exists(options.out);
  return goes_on ? resumed_atlas(options.out, atlas) : atlas;
}

void save(const DetectVerbOptions& options, const Atlas& atlas) {
  if (!options.out.empty()) {
    write_atlas(atlas, options.out);
  }
}

// What detectors are run with, beside which.
DetectOptions detecting_with(const DetectVerbOptions& options,
                             const Invocation& invocation,
                             const StoredRun* trace) {
  DetectOptions detecting{.detectors = {},
                          .seeds = seeds_of(options, invocation),
                          .batch_tokens = options.batch_tokens,
                          .stop = interrupted};
  if (trace != nullptr) {
    detecting.statistics = statistics_of_trace(*trace);
  }
  return detecting;
}

void find_all(const DetectVerbOptions& options,
              const Invocation& invocation,
              const Model& model,
              const StoredRun* trace,
              const std::vector<Detector>& detectors,
              Atlas& atlas) {
  DetectOptions detecting = detecting_with(options, invocation, trace);
  detecting.detectors = detectors_left(atlas, detectors, options.out);
  if (detecting.detectors.empty()) {
    return;
  }
  DetectProgress shown(detecting.detectors.size());
  detecting.progress = [&](const std::string& step, double part) { shown.step(step, part); };
  detecting.finished = [&](const Detection& detection) {
    save(options, atlas);
    shown.finished(detection);
  };
  detect_into(atlas, model, detecting, detectors);
}

void confirm_all(const DetectVerbOptions& options,
                 const Model& model,
                 Atlas& atlas,
                 std::uint64_t seed) {
  ConfirmOptions confirming = options.confirmation;
  confirming.seed = seed;
  confirming.stop = interrupted;
  ConfirmProgress shown;
  confirming.progress = [&](const std::string& detector, std::size_t done, std::size_t all) {
    shown.role(detector, done, all);
  };
  confirming.finished = [&] { save(options, atlas); };
  confirm_roles(model, atlas, confirming);
}

// Before a model is opened: interventions change passes, and these detectors make none.
void check_interventions(const DetectVerbOptions& options, const std::vector<Detector>& detectors) {
  const bool none = std::all_of(detectors.begin(), detectors.end(), [](const Detector& each) {
    return each.reads == Detector::Reads::weights;
  });
  if (!options.intervene.empty() && none) {
    throw UsageError(
        "--intervene changes what runs of the model compute, and {} reads its weights alone; take "
        "--intervene away, or choose other detectors",
        fmt::join(options.detectors, ","));
  }
}

// What the interventions did not reach, so that nobody takes it for the changed model's.
void note_untouched(const Atlas& atlas) {
  std::vector<std::string> names;
  for (const Detection& each : atlas.detections) {
    if (each.notes.value(kUntouched, false)) {
      names.push_back(each.detector.name);
    }
  }
  if (!names.empty()) {
    print_note(
        fmt::format("--intervene changed nothing that {} reads: those scores are the unchanged "
                    "model's",
                    fmt::join(names, ", ")));
  }
}

// How to go on: the same command with --resume.
std::string resume_command(const DetectVerbOptions& options, const Invocation& invocation) {
  std::string command = invocation.command_line;
  const std::string overwrite = " --overwrite";
  if (const auto at = command.find(overwrite); options.overwrite && at != std::string::npos) {
    command.erase(at, overwrite.size());
  }
  return command + (options.resume ? "" : " --resume");
}

std::string interrupted_note(const DetectVerbOptions& options,
                             const Invocation& invocation,
                             const Atlas& atlas) {
  if (options.out.empty()) {
    return "interrupted; with -o FILE.h5 no finished detector would be lost";
  }
  if (atlas.detections.empty()) {
    return "interrupted before the first detector was finished; nothing is lost, nothing is kept";
  }
  return fmt::format("{} holds all that is finished ({}); go on with: {}",
                     options.out,
                     counted(atlas.detections.size(), "detector"),
                     resume_command(options, invocation));
}

IfExists if_exists_of(const DetectVerbOptions& options) {
  return options.resume ? IfExists::resume : options.overwrite ? IfExists::replace : IfExists::fail;
}

void check_output(const DetectVerbOptions& options) {
  if (options.resume && options.out.empty()) {
    throw UsageError("--resume needs -o FILE.h5, the file to go on with");
  }
  if (!options.out.empty()) {
    check_atlas_output(options.out, if_exists_of(options));
  }
}

// What can be refused before anything is opened.
void check_request(const DetectVerbOptions& options, const std::vector<Detector>& detectors) {
  check_interventions(options, detectors);
  if (!options.write_prompts.empty() && path_exists(options.write_prompts)) {
    throw UsageError("{} exists; name another file for --write-prompts", options.write_prompts);
  }
  check_output(options);
}

// All that was asked for beside the detectors.
void complete(const DetectVerbOptions& options,
              const Invocation& invocation,
              const Model& model,
              Atlas& atlas) {
  const std::uint64_t seed = invocation.common.seed;
  if (!options.out.empty() && atlas.examples.prompts.empty() && !interrupted()) {
    atlas.examples = collect_examples(model, seed);
  }
  if (options.confirm && !interrupted()) {
    confirm_all(options, model, atlas, seed);
  }
  if (interrupted()) {
    print_note(interrupted_note(options, invocation, atlas));
    throw Interrupted();
  }
}

void show_detectors(const Invocation& invocation) {
  const Table table = detector_table();
  show(invocation, {{"detectors", table.json()}}, table.text());
}

// A model to look at, and a trace of it if one was named.
struct OpenedDetection {
  std::shared_ptr<const StoredRun> trace;
  Model model;
};

OpenedDetection opened(const DetectVerbOptions& options,
                       const Invocation& invocation,
                       const std::vector<Detector>& detectors) {
  OpenedDetection open{open_trace(options.trace),
                       load_with(options.model, invocation.common, options.intervene)};
  refuse_chosen_positions(open.model, "detect");
  refuse_changed_attention(open.model, "detect");
  if (open.trace) {
    check_stored_probes(*open.trace,
                        detectors,
                        open.model,
                        seeds_of(options, invocation),
                        prompts_command(options, invocation));
  }
  return open;
}

void show_atlas(const DetectVerbOptions& options,
                const Invocation& invocation,
                const Atlas& atlas) {
  note_untouched(atlas);
  show(invocation, atlas_json(atlas, options.top), atlas_text(atlas, options.top));
}

// All that is asked for beside showing it; the atlas is then the same in all ranks.
void detect_as_rank(const DetectVerbOptions& options,
                    const Invocation& invocation,
                    const OpenedDetection& open,
                    const std::vector<Detector>& detectors,
                    Atlas& atlas,
                    SharedWork& work) {
  DetectOptions detecting = detecting_with(options, invocation, open.trace.get());
  static_cast<void>(detectors_left(atlas, detectors, options.out));
  detecting.detectors = detectors;
  detect_shared(atlas, open.model, detecting, work);
  if (options.confirm) {
    ConfirmOptions confirming = options.confirmation;
    confirming.seed = invocation.common.seed;
    confirm_shared(atlas, open.model, confirming, work);
  }
  if (!options.resume && !open.trace) {  // else all may have been done before, or when recorded
    work.check_fired();
  }
}

Told detect_over_ranks(const DetectVerbOptions& options,
                       const Invocation& invocation,
                       const std::vector<Detector>& detectors,
                       RankGroup& ranks,
                       Atlas& atlas) {
  if (options.overwrite) {
    check_atlas_replaced(options.out);
  }
  const OpenedDetection open = opened(options, invocation, detectors);
  Json identity = provenance_of(options, invocation, open.model, open.trace.get()).at("identity");
  for (const Detector& each : detectors) {
    identity["detectors"].push_back(fingerprint(each));
  }
  SharedWork work(ranks,
                  shared_work(ranks,
                              {.out = options.out,
                               .if_exists = if_exists_of(options),
                               .identity = std::move(identity),
                               .unit = "passes"},
                              open.model));
  atlas = begin(options, invocation, open.model, open.trace.get());
  detect_as_rank(options, invocation, open, detectors, atlas, work);
  const bool written = work.finish([&] {
    if (atlas.examples.prompts.empty()) {
      atlas.examples = collect_examples(open.model, invocation.common.seed);
    }
    save(options, atlas);
  });
  if (written) {
    show_atlas(options, invocation, atlas);
  }
  return written ? Told::here : Told::elsewhere;
}

// Null where this process is alone.
std::unique_ptr<RankGroup> ranks_of(const DetectVerbOptions& options,
                                    const Invocation& invocation) {
  return options.write_prompts.empty() ? join_ranks(options.ranks, invocation.common, options.out)
                                       : nullptr;
}

}  // namespace

void run_detect(const DetectVerbOptions& options, const Invocation& invocation) {
  if (options.list) {
    show_detectors(invocation);
    return;
  }
  if (options.model.empty()) {
    throw UsageError("detect needs a MODEL; detect --list shows the detectors");
  }
  const std::vector<Detector> detectors = chosen(options);
  if (ran_on_devices(options.ranks, options.out)) {
    return;
  }
  catch_interrupts();
  if (const auto ranks = ranks_of(options, invocation)) {
    check_interventions(options, detectors);
    Atlas atlas;
    const Told told = run_as_rank(
        *ranks, [&] { return detect_over_ranks(options, invocation, detectors, *ranks, atlas); });
    if (told == Told::here) {
      check_all_ran(atlas);
    }
    return;
  }
  check_request(options, detectors);
  const WriterClaim claim(options.out);
  const OpenedDetection open = opened(options, invocation, detectors);
  if (!options.write_prompts.empty()) {
    write_prompts(options, invocation, open.model, detectors);
    return;
  }
  Atlas atlas = begin(options, invocation, open.model, open.trace.get());
  find_all(options, invocation, open.model, open.trace.get(), detectors, atlas);
  complete(options, invocation, open.model, atlas);
  if (!options.resume && !open.trace) {  // else all may have been done before, or when recorded
    check_fired(open.model);
  }
  save(options, atlas);
  show_atlas(options, invocation, atlas);
  check_all_ran(atlas);
}

}  // namespace headscope
