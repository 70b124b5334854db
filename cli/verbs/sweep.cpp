// headscope sweep: several sweeps as one run that can be stopped and gone on with.
#include <deque>

#include <CLI/CLI.hpp>

#include "analyses/sweep/effects.h"
#include "analyses/sweep_file/file_entry.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/sweep_progress.h"
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

struct SweepArguments {
  std::string file;
  std::string memory;  // empty: most of what is free
};

using Entries = std::deque<FileEntry>;  // they stay where they are

// What of the common options is not as it would be without them.
std::vector<std::string> common_words(const CommonOptions& common) {
  std::vector<std::string> words;
  if (common.device.is_cuda()) {
    words.insert(words.end(), {"--device", to_string(common.device)});
  }
  if (common.dtype != DType::f32) {
    words.insert(words.end(), {"--dtype", std::string(to_string(common.dtype))});
  }
  if (common.seed != 0) {
    words.insert(words.end(), {"--seed", std::to_string(common.seed)});
  }
  return words;
}

Entries entries_of(const SweepFile& file, const Invocation& invocation) {
  Entries entries;
  for (const SweepEntry& entry : file.entries) {
    entries.emplace_back(file,
                         entry,
                         ResultOrigin{invocation.command_line, invocation.common.seed},
                         common_words(invocation.common));
  }
  return entries;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw UsageError("{}: cannot be made: {}", folder.string(), error.message());
  }
}

std::string_view to_string(SweepOutcome::Start start) {
  return start == SweepOutcome::Start::fresh     ? "run"
         : start == SweepOutcome::Start::resumed ? "resumed"
                                                 : "done before";
}

class SweepReport {
 public:
  void add(const FileEntry& entry, const SweepOutcome& outcome) {
    const Result& result = outcome.result;
    const Effects effects = effects_of(result);
    const CellEffect best = strongest(effects, 1).front();
    const OrderedJson seconds =
        outcome.seconds.empty() ? OrderedJson() : OrderedJson(outcome.seconds.front());
    table_.row({entry.entry().name,
                entry.path().string(),
                static_cast<std::int64_t>(effects.cells.size()),
                std::string(to_string(outcome.start)),
                seconds,
                result.header.metric,
                cell_name(result, best),
                best.effect.mean,
                cell_of(best.effect.low),
                cell_of(best.effect.high)});
  }
  [[nodiscard]] const Table& table() const { return table_; }

 private:
  Table table_{{{"entry"},
                {"file"},
                {"cells"},
                {"was"},
                {"seconds", 1},
                {"metric"},
                {"strongest"},
                {"effect"},
                {"95 % low"},
                {"95 % high"}}};
};

SweepOutcome run_one(FileEntry& entry, SweepSession& session, const std::string& place) {
  print_note(fmt::format("{} {}", place, entry.entry().name));
  SweepJobOptions options;
  options.stop = interrupted;
  options.watch = sweep_progress_bar;
  SweepOutcome outcome = entry.run(session, options);
  if (!outcome.finished) {
    print_note(fmt::format("{} holds every finished cell; the same command goes on from there",
                           entry.path().string()));
    throw Interrupted();
  }
  return outcome;
}

void run(const SweepArguments& options, const Invocation& invocation) {
  catch_interrupts();
  const SweepFile file = read_sweep_file(options.file);
  Entries entries = entries_of(file, invocation);
  const Model model = load_model(file.model, load_options(invocation.common));
  SweepSession session(model,
                       {memory_for(options.memory, model), memory_if_begun(options.memory, model)});
  for (FileEntry& entry : entries) {
    entry.check(session);
  }
  make_folder(file.output);
  SweepReport report;
  for (FileEntry& entry : entries) {
    const std::string place = fmt::format("[{}/{}]", report.table().size() + 1, entries.size());
    report.add(entry, run_one(entry, session, place));
  }
  show(invocation,
       {{"file", options.file},
        {"model", model.source().name},
        {"output", file.output.string()},
        {"sweeps", report.table().json()}},
       report.table().text());
}

}  // namespace

Verb sweep_verb() {
  return {
      .name = "sweep",
      .summary = "Several sweeps of one model out of a JSON file; run again, it goes on",
      .example =
          "  cat > ioi.json <<'END'\n"
          "  {\"model\": \"smollm2\", \"task\": \"ioi.jsonl\", \"output\": \"out/ioi\",\n"
          "   \"sweeps\": [{\"verb\": \"patch\", \"site\": \"z\", \"over\": \"layer,head\"},\n"
          "              {\"verb\": \"ablate\", \"mode\": \"mean\", \"metric\": \"prob\"},\n"
          "              {\"verb\": \"path-patch\", \"receiver\": \"logits\", \"name\": "
          "\"direct\"},\n"
          "              {\"verb\": \"attribute\", \"method\": \"ig\"}]}\n"
          "  END\n"
          "  headscope sweep ioi.json\n"
          "\n"
          "An entry's keys are the long options of its verb; it writes OUTPUT/NAME.h5. task, "
          "metric,\n"
          "positions, prepend-bos, skip-unfit and intervene may stand at the top for all. Paths "
          "are\n"
          "relative to the file. Nothing runs before every entry is checked; what is done is never "
          "done again.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SweepArguments>();
        app.add_option("FILE", options->file, "The JSON file of sweeps")->required();
        app.add_option(
               "--memory", options->memory, "The most to take beside the weights, as in 4GB")
            ->default_str("70 % of what is free");
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
