// headscope detect: what every head of a model does.
#include <algorithm>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>
#include <unistd.h>

#include "analyses/head_detectors/confirm.h"
#include "analyses/head_detectors/custom.h"
#include "analyses/head_detectors/stored_statistics.h"
#include "cli/atlas/atlas_view.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/output_file.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/trace/trace_option.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "hooks/standing_interventions.h"
#include "hooks/trace/provenance.h"
#include "hooks/trace/writer_claim.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/base/shell.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct DetectArguments {
  std::string model;
  std::vector<std::string> detectors{"all"};
  std::vector<std::string> files;
  std::string out;
  std::string intervene;
  std::string trace;          // of the detectors' prompts, read instead of run; empty: they run
  std::string write_prompts;  // where to put those prompts, and do nothing else; empty: nowhere
  int seeds = 3;
  std::int64_t batch_tokens = 4096;
  bool list = false;
  bool resume = false;
  bool overwrite = false;
  bool confirm = false;
  ConfirmOptions confirmation;
  std::size_t top = 4;
};

std::vector<Detector> chosen(const DetectArguments& options) {
  std::vector<Detector> detectors;
  const auto add = [&](const Detector& detector) {
    const auto same = [&](const Detector& each) { return each.name == detector.name; };
    if (std::none_of(detectors.begin(), detectors.end(), same)) {
      detectors.push_back(detector);
    } else if (!detector.content.empty()) {
      throw UsageError("two detectors of the name {}: give one another", detector.name);
    }
  };
  for (const std::string& name : options.detectors) {
    if (name == "all") {
      // A trace serves those that read attention; the others run the model themselves.
      for (const Detector& detector : all_detectors()) {
        if (detector.reading || (options.trace.empty() && options.write_prompts.empty())) {
          add(detector);
        }
      }
    } else {
      add(find_detector(name));
    }
  }
  for (const std::string& file : options.files) {
    add(custom_detector(file));
  }
  return detectors;
}

std::vector<std::uint64_t> seeds_of(const DetectArguments& options, const Invocation& invocation) {
  std::vector<std::uint64_t> seeds;
  for (int s = 0; s < options.seeds; ++s) {
    seeds.push_back(invocation.common.seed + static_cast<std::uint64_t>(s));
  }
  return seeds;
}

// The command that writes the prompts a trace for these options must hold.
std::string prompts_command(const DetectArguments& options, const Invocation& invocation) {
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
void write_prompts(const DetectArguments& options,
                   const Invocation& invocation,
                   const Model& model,
                   const std::vector<Detector>& detectors) {
  std::string lines;
  const auto prompts = prompts_of_readings(detectors, model, seeds_of(options, invocation));
  if (prompts.empty()) {
    throw UsageError("none of these detectors reads prompts that {} can hold", options.model);
  }
  for (const TracePrompt& prompt : prompts) {
    lines += OrderedJson{{"id", prompt.id}, {"tokens", prompt.tokens}}.dump() + "\n";
  }
  write_file(options.write_prompts, lines);
  show(invocation,
       {{"path", options.write_prompts}, {"prompts", prompts.size()}},
       fmt::format("{}: {} prompts\n", options.write_prompts, prompts.size()));
}

Json provenance_of(const DetectArguments& options,
                   const Invocation& invocation,
                   const Model& model,
                   const StoredRun* trace) {
  Json from =
      provenance(model, {.command_line = invocation.command_line, .seed = invocation.common.seed});
  from["identity"]["seeds"] = options.seeds;
  if (trace != nullptr) {
    from["identity"]["trace"] = trace->fingerprint();
  }
  return from;
}

// A file holds what detectors said; what they do is the program's.
void restore(Atlas& atlas) {
  for (Detection& each : atlas.detections) {
    const auto& all = all_detectors();
    const auto ours = std::find_if(all.begin(), all.end(), [&](const Detector& detector) {
      return fingerprint(detector) == each.fingerprint;
    });
    if (ours != all.end()) {
      each.detector = *ours;
    }
  }
}

// What an earlier run left, if it may be gone on with.
Atlas begin(const DetectArguments& options,
            const Invocation& invocation,
            const Model& model,
            const StoredRun* trace) {
  Atlas atlas{.provenance = provenance_of(options, invocation, model, trace),
              .n_layers = model.config().n_layers,
              .n_heads = model.config().n_heads,
              .n_kv_heads = model.config().n_kv_heads,
              .detections = {}};
  if (!options.resume || !path_exists(options.out)) {
    return atlas;
  }
  Atlas earlier = read_atlas(options.out);
  const auto difference =
      identity_difference(earlier.provenance.at("identity"), atlas.provenance.at("identity"));
  if (difference) {
    throw UsageError("{}: cannot go on: {} is {} there but {} here; --overwrite starts again",
                     options.out,
                     difference->what,
                     difference->there,
                     difference->here);
  }
  // What did not run may run now.
  std::erase_if(earlier.detections, [](const Detection& each) { return !each.ran(); });
  restore(earlier);
  atlas.detections = std::move(earlier.detections);
  atlas.confirmations = std::move(earlier.confirmations);
  atlas.examples = std::move(earlier.examples);
  return atlas;
}

void save(const DetectArguments& options, const Atlas& atlas) {
  if (!options.out.empty()) {
    write_atlas(atlas, options.out);
  }
}

// In the order asked for, whatever was there before.
void put_in_order(Atlas& atlas, const std::vector<Detector>& detectors) {
  const auto place = [&](const Detection& detection) {
    return std::find_if(
               detectors.begin(),
               detectors.end(),
               [&](const Detector& each) { return each.name == detection.detector.name; }) -
           detectors.begin();
  };
  std::stable_sort(atlas.detections.begin(),
                   atlas.detections.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

void find_all(const DetectArguments& options,
              const Invocation& invocation,
              const Model& model,
              const std::vector<Detector>& detectors,
              const StoredRun* trace,
              Atlas& atlas) {
  DetectOptions detect_options{.detectors = {},
                               .seeds = seeds_of(options, invocation),
                               .batch_tokens = options.batch_tokens};
  if (trace != nullptr) {
    detect_options.statistics = statistics_of_trace(*trace);
  }
  for (const Detector& detector : detectors) {
    Detection* known = nullptr;
    for (Detection& each : atlas.detections) {
      known = each.detector.name == detector.name ? &each : known;
    }
    if (known == nullptr) {
      detect_options.detectors.push_back(detector);
    } else if (known->fingerprint != fingerprint(detector)) {
      throw UsageError(
          "{}: its {} was made with another definition, threshold or task; --overwrite starts "
          "again",
          options.out,
          detector.name);
    } else {
      known->detector = detector;  // its functions are in no file
    }
  }
  if (detect_options.detectors.empty()) {
    return;
  }
  Progress bar(1000, {.label = "detecting", .unit = "‰"});
  std::int64_t done = 0;
  std::string told;
  std::size_t finished = 0;
  detect_options.stop = interrupted;
  const bool lines = ::isatty(STDERR_FILENO) != 1;
  detect_options.progress = [&](const std::string& step, double part) {
    if (lines && step != told) {
      print_note("detecting: " + step);
      told = step;
    }
    bar.note(step);
    const auto now = static_cast<std::int64_t>(part * 1000);
    bar.add(std::max<std::int64_t>(0, now - done));
    done = std::max(done, now);
  };
  detect_options.finished = [&](const Detection& detection) {
    atlas.detections.push_back(detection);
    put_in_order(atlas, detectors);
    save(options, atlas);
    ++finished;
    if (lines) {
      print_note(fmt::format("{} of {}: {}{}, {}",
                             finished,
                             detect_options.detectors.size(),
                             detection.detector.name,
                             detection.ran()            ? ""
                             : detection.failed.empty() ? " is undefined"
                                                        : " failed",
                             format_seconds(detection.seconds)));
    }
  };
  detect(model, detect_options);
}

void confirm_all(const DetectArguments& options,
                 const Model& model,
                 Atlas& atlas,
                 std::uint64_t seed) {
  ConfirmOptions confirmation = options.confirmation;
  confirmation.seed = seed;
  confirmation.stop = interrupted;
  Confirmer confirmer(model, confirmation);
  Progress bar(static_cast<std::int64_t>(atlas.detections.size()),
               {.label = "confirming", .unit = "roles"});
  for (const Detection& detection : atlas.detections) {
    if (interrupted()) {
      return;
    }
    const auto known = [&](const Confirmation& c) { return c.detector == detection.detector.name; };
    const Confirmation::Asked asked{confirmation.heads, confirmation.draws, seed};
    std::erase_if(atlas.confirmations,
                  [&](const Confirmation& c) { return known(c) && !(c.asked == asked); });
    const bool done = std::any_of(atlas.confirmations.begin(), atlas.confirmations.end(), known);
    bar.note(detection.detector.name);
    if (!done && detection.ran() && detection.detector.behaviour &&
        !detection.with_role().empty()) {
      if (::isatty(STDERR_FILENO) != 1) {
        print_note("confirming: " + detection.detector.name);
      }
      Confirmation found = confirmer.confirm(detection);
      if (interrupted()) {
        return;
      }
      atlas.confirmations.push_back(std::move(found));
      save(options, atlas);
    }
    bar.add();
  }
}

void check_output(const DetectArguments& options) {
  if (!options.out.empty() && path_exists(options.out) && !options.resume && !options.overwrite) {
    throw UsageError("{}: exists; --resume goes on with it, --overwrite replaces it", options.out);
  }
  if (options.resume && options.out.empty()) {
    throw UsageError("--resume needs -o FILE.h5, the file to go on with");
  }
}

std::string detector_names(const Atlas& atlas, std::string Detection::*why) {
  std::string names;
  for (const Detection& each : atlas.detections) {
    if (!(each.*why).empty()) {
      names += (names.empty() ? "" : ", ") + each.detector.name;
    }
  }
  return names;
}

[[noreturn]] void throw_as(int exit_code, const std::string& message) {
  if (exit_code == UsageError("").exit_code()) {
    throw UsageError(message);
  }
  if (exit_code == DataError("").exit_code()) {
    throw DataError(message);
  }
  if (exit_code == ResourceError("").exit_code()) {
    throw ResourceError(message);
  }
  throw InternalError(message);
}

// The others are done and on disk; the exit code tells that not all could be, and a failure weighs
// more than what has no meaning for the model.
void complain(const Atlas& atlas) {
  for (const Detection& each : atlas.detections) {
    if (!each.failed.empty()) {
      throw_as(each.exit_code,
               fmt::format("failed, see above: {} ({}); the other detectors ran",
                           detector_names(atlas, &Detection::failed),
                           each.failed));
    }
  }
  const std::string names = detector_names(atlas, &Detection::undefined);
  if (!names.empty()) {
    throw DataError("undefined for this model, see above: {}; the other detectors ran", names);
  }
}

void run(const DetectArguments& options, const Invocation& invocation) {
  if (options.list) {
    const Table table = detector_table();
    show(invocation, {{"detectors", table.json()}}, table.text());
    return;
  }
  if (options.model.empty()) {
    throw UsageError("detect needs a MODEL; detect --list shows the detectors");
  }
  const std::vector<Detector> detectors = chosen(options);
  check_output(options);
  const WriterClaim claim(options.out);
  catch_interrupts();
  const auto trace = open_trace(options.trace);
  const CommonOptions& common = invocation.common;
  const Model model = load_with(options.model, common, options.intervene);
  refuse_chosen_positions(model, "detect");
  refuse_changed_attention(model, "detect");
  if (!options.write_prompts.empty()) {
    write_prompts(options, invocation, model, detectors);
    return;
  }
  if (trace) {
    check_stored_probes(*trace,
                        detectors,
                        model,
                        seeds_of(options, invocation),
                        prompts_command(options, invocation));
  }
  Atlas atlas = begin(options, invocation, model, trace.get());
  find_all(options, invocation, model, detectors, trace.get(), atlas);
  if (!options.out.empty() && atlas.examples.prompts.empty() && !interrupted()) {
    atlas.examples = collect_examples(model, common.seed);
  }
  if (options.confirm && !interrupted()) {
    confirm_all(options, model, atlas, common.seed);
  }
  if (interrupted()) {
    print_note(options.out.empty()
                   ? "interrupted; with -o FILE.h5 no finished detector would be lost"
                   : fmt::format("{} holds every finished detector; --resume does the others",
                                 options.out));
    throw Interrupted();
  }
  if (!options.resume && !trace) {  // else all may have been done before, or when it was recorded
    check_fired(model);
  }
  save(options, atlas);
  show(invocation, atlas_json(atlas, options.top), atlas_text(atlas, options.top));
  complain(atlas);
}

void add_options(CLI::App& app, DetectArguments& options) {
  app.add_option("MODEL", options.model, "Directory, .gguf file, hub id or smollm2");
  app.add_option("--detectors", options.detectors, "Names with commas between, or all")
      ->delimiter(',')
      ->default_str("all");
  app.add_option("--detector-file", options.files, "A detector of your own (.json); several");
  app.add_flag("--list", options.list, "Show every detector, and do nothing");
  auto* trace = app.add_option(
      "--trace",
      options.trace,
      "A trace (headscope record) of the prompts that detectors read attention on, with their "
      "patterns or statistics, read instead of run");
  app.add_option("--write-prompts",
                 options.write_prompts,
                 "Write those prompts (.jsonl) for headscope record, and do nothing else")
      ->excludes(trace);
  app.add_option("--seeds", options.seeds, "Prompts are drawn once a seed, from --seed on")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_output(app, options.out, "The atlas to write (.h5)");
  app.add_flag("--resume", options.resume, "Go on with the file: finished detectors stay");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
  app.add_flag("--confirm",
               options.confirm,
               "Ablate the highest heads of each role and random ones: does the behaviour drop?");
  app.add_option("--confirm-heads", options.confirmation.heads, "Heads ablated together")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}))
      ->capture_default_str();
  app.add_option("--draws", options.confirmation.draws, "Random sets of heads to compare with")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--batch-tokens", options.batch_tokens, "Tokens in one forward pass")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--top", options.top, "Heads to list a detector")->capture_default_str();
  add_intervene(app, options.intervene);
}

}  // namespace

Verb detect_verb() {
  return {
      .name = "detect",
      .summary = "What every head does: scores of all detectors, with intervals and controls",
      .example =
          "  headscope detect smollm2 -o atlas.h5 --confirm\n"
          "  headscope atlas atlas.h5 -o atlas.html\n"
          "  headscope detect smollm2 --detectors induction,first_token_sink --seeds 5\n"
          "  headscope detect smollm2 --detectors induction --detector-file mover.json\n"
          "  headscope detect smollm2 --detectors induction,first_token_sink --write-prompts "
          "probes.jsonl\n"
          "  headscope record smollm2 --prompts probes.jsonl --hooks "
          "'blocks.*.attn.hook_pattern' --logits none -o probes.h5\n"
          "  headscope detect smollm2 --detectors induction,first_token_sink --trace probes.h5\n"
          "\n"
          "Detectors that read attention share one pass over shared prompts. A head has a role if "
          "its\nscore reaches the threshold and its interval lies above the control. With -o every "
          "finished\ndetector is on disk; --resume does the others. A detector that is undefined "
          "for the model\nsays why, the others run, and the exit code is 3; so it is with one that "
          "fails, and the exit code\nis the failure's. Off a terminal every step and every "
          "finished "
          "detector is a line on standard error.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<DetectArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
