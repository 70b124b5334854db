// headscope operator gates: DuoAttention's gates of a model, trained on hidden keys.
#include <cmath>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/operators/duo_gates.h"
#include "analyses/retrieval/haystack.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct GatesArguments {
  std::string model;
  std::string haystack;
  GateOptions gates{.streaming = {16, 64},
                    .texts = {.keys = 3, .words = 8, .least = 300, .most = 600},
                    .steps = 100};
  std::string out;
  bool overwrite = false;
};

// The options under the names that DuoAttention's own config.json has where it has them.
OrderedJson config_json(const GatesArguments& options, const Json& from) {
  const GateOptions& g = options.gates;
  return {{"sink_size", g.streaming.sink},
          {"recent_size", g.streaming.local},
          {"num_steps", g.steps},
          {"lr", g.rate},
          {"reg_weight", g.weight},
          {"num_passkeys", g.texts.keys},
          {"passkey_length", g.texts.words},
          {"context_length_min", g.texts.least},
          {"context_length_max", g.texts.most},
          {"seed", g.seed},
          {"haystack", options.haystack.empty() ? "headscope's own" : options.haystack},
          {"provenance", OrderedJson::parse(from.dump())}};
}

// A folder may hold something else under these names, a model's config.json above all.
constexpr TextKind kGatesConfig{.noun = "config.json of gates", .is = [](std::string_view text) {
                                  return begins_as_json(text, "{\"sink_size\":");
                                }};
constexpr TextKind kGatesLog{.noun = "log of gates", .is = [](std::string_view text) {
                               return begins_as_json(text, "{\"step\":");
                             }};

void check_outputs(const std::filesystem::path& folder,
                   const std::filesystem::path& file,
                   const GatesArguments& options) {
  check_output_folder(folder);
  if (path_exists(file) && !options.overwrite) {
    throw UsageError("{}: exists; --overwrite replaces it", file.string());
  }
  check_replaceable(folder / "config.json", kGatesConfig);
  check_replaceable(folder / "log.jsonl", kGatesLog);
}

void train(GatesArguments options, const Invocation& invocation) {
  const std::filesystem::path folder = options.out;
  const std::filesystem::path file = folder / "full_attention_heads.tsv";
  check_outputs(folder, file, options);
  options.gates.seed = invocation.common.seed;
  const std::string haystack =
      options.haystack.empty() ? own_haystack() : read_haystack(options.haystack);
  catch_interrupts();
  const Model model = load_model(options.model, load_options(invocation.common));
  std::string log;
  Progress bar(options.gates.steps, {.label = "training gates", .unit = "steps"});
  const HeadScores gates = train_gates(model, haystack, options.gates, [&](const GateStep& step) {
    if (interrupted()) {
      throw Interrupted();
    }
    if (!std::isfinite(step.distill)) {
      throw UsageError("--rate {}: the loss is no number at step {}; a smaller rate learns",
                       options.gates.rate,
                       step.step);
    }
    const OrderedJson line{{"step", step.step},
                           {"tokens", step.tokens},
                           {"distill", step.distill},
                           {"mean_gate", step.mean_gate}};
    log += line.dump() + "\n";
    bar.add();
  });
  const Json from =
      provenance(model, {.command_line = invocation.command_line, .seed = invocation.common.seed});
  std::filesystem::create_directories(folder);
  write_file(folder / "config.json", config_json(options, from).dump(1) + "\n");
  write_file(folder / "log.jsonl", log);
  write_file(file, gates_tsv(gates));
  Table table({{"KV head"}, {"gate"}});
  for (const HeadId& head : ranked_heads(gates)) {
    table.row({to_string(head), gates[head]});
  }
  show(invocation,
       {{"file", file.string()}, {"gates", table.json()}},
       table.text() +
           fmt::format("\n{}: the gates; operator plan --method list --from it\n", file.string()));
}

void add_text_options(CLI::App& app, GateOptions& gates) {
  app.add_option("--keys", gates.texts.keys, "Keys hidden in a text (10 in the paper)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{10}))
      ->capture_default_str();
  app.add_option("--words", gates.texts.words, "Words of a key (32 in the paper)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 16))
      ->capture_default_str();
  app.add_option("--least", gates.texts.least, "Tokens of the shortest haystack (1,000)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  app.add_option("--most", gates.texts.most, "Tokens of the longest haystack (32,000)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
}

void add_options(CLI::App& app, GatesArguments& options) {
  add_model(app, options.model);
  app.add_option("--sink", options.gates.streaming.sink, "First tokens a streaming head sees (128)")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 30))
      ->capture_default_str();
  app.add_option("--local", options.gates.streaming.local, "Last tokens that it sees (256)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  app.add_option("--steps", options.gates.steps, "Texts trained on, one a step (2,000)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  app.add_option("--rate", options.gates.rate, "Of AdamW")->capture_default_str();
  app.add_option("--weight", options.gates.weight, "Of the mean gate beside the distillation")
      ->capture_default_str();
  add_text_options(app, options.gates);
  app.add_option("--haystack", options.haystack, "A text to hide keys in, in place of our own")
      ->check(names_a_file);
  app.add_option("-o,--output", options.out, "A folder: full_attention_heads.tsv, config.json, log")
      ->required();
  app.add_flag("--overwrite", options.overwrite, "Replace gates that lie there");
}

}  // namespace

Verb operator_gates_verb() {
  return {
      .name = "operator gates",
      .summary = "Train DuoAttention's gates: which KV heads need their whole attention",
      .example =
          "  headscope operator gates smollm2 --steps 50 -o gates/\n"
          "  headscope operator plan smollm2 --method list --from gates/full_attention_heads.tsv "
          "--budget 0.5 -o plan.json\n"
          "\n"
          "The paper's values are in parentheses; what is given here is so small that a CPU does "
          "it.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<GatesArguments>();
        add_options(app, *options);
        return [options, &invocation] { train(*options, invocation); };
      },
  };
}

}  // namespace headscope
