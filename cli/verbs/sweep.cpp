// headscope sweep: several sweeps as one run that can be stopped and gone on with.
#include <deque>

#include <CLI/CLI.hpp>

#include "analyses/sweep/effects.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/sweep_command.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

struct SweepArguments {
  std::string list;
  SweepCommand::Options each;
};

using Commands = std::deque<SweepCommand>;  // they stay where they are

Commands commands_of(const SweepList& list,
                     const SweepArguments& options,
                     const Invocation& invocation) {
  Commands commands;
  for (const SweepEntry& entry : list.entries) {
    commands.emplace_back(list, entry, invocation, options.each);
  }
  return commands;
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
  void add(const SweepCommand& command, const SweepOutcome& outcome) {
    const Result& result = outcome.result;
    const Effects effects = effects_of(result);
    const CellEffect best = strongest(effects, 1).front();
    const OrderedJson seconds =
        outcome.seconds.empty() ? OrderedJson() : OrderedJson(outcome.seconds.front());
    table_.row({command.entry().name,
                command.file().string(),
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

SweepOutcome run_one(SweepCommand& command, SweepSession& session, const std::string& place) {
  try {
    print_note(fmt::format("{} {}", place, command.entry().name));
    SweepOutcome outcome = command.run(session);
    if (!outcome.finished) {
      throw Interrupted();
    }
    return outcome;
  } catch (const Interrupted&) {
    print_note(fmt::format("{} holds every finished cell; the same command goes on from there",
                           command.file().string()));
    throw;
  }
}

void run(const SweepArguments& options, const Invocation& invocation) {
  catch_interrupts();
  const SweepList list = read_sweep_list(options.list);
  Commands commands = commands_of(list, options, invocation);
  const Model model = load_model(
      list.model, {.device = invocation.common.device, .dtype = invocation.common.dtype});
  make_folder(list.output);
  SweepSession session(model);
  for (SweepCommand& command : commands) {
    command.check(session);
  }
  SweepReport report;
  for (SweepCommand& command : commands) {
    const std::string place = fmt::format("[{}/{}]", report.table().size() + 1, commands.size());
    report.add(command, run_one(command, session, place));
  }
  show(invocation,
       {{"file", options.list},
        {"model", model.source().name},
        {"output", list.output.string()},
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
        app.add_option("FILE", options->list, "The JSON file of sweeps")->required();
        app.add_option(
               "--memory", options->each.memory, "The most to take beside the weights, as in 4GB")
            ->default_str("70 % of what is free");
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
