// headscope bench: how fast this machine runs a model, with and without recording.
#include <chrono>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "analyses/bench/read_bench.h"
#include "analyses/bench/write_bench.h"
#include "analyses/operators/plan_method.h"
#include "cli/bench/bench_view.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/activation_source.h"
#include "hooks/address.h"
#include "hooks/provenance.h"
#include "hooks/record_need.h"
#include "hooks/standing_interventions.h"
#include "lib/base/memory.h"
#include "lib/base/named.h"
#include "lib/families/load.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

// A trace that goes when the benchmark ends, however it ends.
class ScratchTrace {
 public:
  explicit ScratchTrace(const std::string& folder)
      : path_((folder.empty() ? std::filesystem::temp_directory_path()
                              : std::filesystem::path(folder)) /
              fmt::format("headscope-bench-{}.h5", ::getpid())) {}
  ~ScratchTrace() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchTrace(const ScratchTrace&) = delete;
  ScratchTrace& operator=(const ScratchTrace&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

RecordOptions record_options(const BenchArguments& options, Json provenance) {
  RecordOptions record;
  record.hooks = options.hooks;
  record.logits = options.what == "stream" ? Logits::none : options.logits;
  record.provenance = std::move(provenance);
  return record;
}

// What a run over `shape` takes; the values of "record to memory" are all kept, and those that are
// written stand on the host as computed and, if that is another dtype, as stored.
MemoryNeed need_of(const Model& model, const BenchArguments& options, const Shape& shape) {
  if (options.what == "stream") {
    return record_need(model,
                       bench_prompts(random_prompts(shape, model.config().d_vocab, 0)),
                       record_options(options, {}));
  }
  const BatchShape batch{.rows = options.what == "cache" ? 1 : shape.prompts,
                         .columns = shape.tokens};
  const Logits logits = options.what == "cache" ? Logits::last : options.logits;
  MemoryNeed need = pass_need(model.config(), model.dtype(), batch, logits);
  if (options.what == "record") {
    const auto points = resolve_hooks(options.hooks, model.config());
    need.watched = watched_bytes(model.config(), points, batch);
    need.host = need.watched * (model.dtype() == DType::f32 ? 1 : 3);
  }
  return need;
}

struct BenchContext {
  const Model& model;
  const BenchArguments& options;
  const Invocation& invocation;

  [[nodiscard]] std::uint64_t seed() const { return invocation.common.seed; }
  [[nodiscard]] BenchRepeats repeats() const {
    return {options.warm_ups, options.repeats, interrupted};
  }
  [[nodiscard]] RecordOptions record() const {
    return record_options(
        options, provenance(model, {.command_line = invocation.command_line, .seed = seed()}));
  }
};

void measure_steps(BenchOutcome& result, const BenchContext& context, const Shape& shape) {
  const std::string& file = context.options.interventions;
  const auto change = file.empty()
                          ? scaled_head(context.model)
                          : standing_interventions(context.model, std::filesystem::path(file));
  const StepTimes steps =
      time_steps(context.model, shape, context.seed(), change, context.repeats());
  const std::int64_t memory = peak_memory(context.model.device());
  result.runs.push_back({"step", shape, steps.plain, memory, 0, steps});
  result.runs.push_back({file.empty() ? "step, head scaled" : "step, changed",
                         shape,
                         steps.changed,
                         memory,
                         0,
                         steps});
}

// Random KV heads keep everything: how fast a plan runs does not depend on which.
void measure_cache(BenchOutcome& result, const BenchContext& context, const Shape& shape) {
  const auto& [model, options, invocation] = context;
  const PlanMethod& random = find_named(all_plan_methods(), "random", "no such way");
  const auto kept = heads_kept(model, random, {.budget = options.budget, .seed = context.seed()});
  const Model planned = with_attention(
      model,
      std::make_shared<AttentionPlan>(plan_around(model, kept, parse_operator(options.choice))));
  const CacheTimes times = time_cache({.whole = model,
                                       .planned = planned,
                                       .shape = shape,
                                       .decode = options.passes ? DecodeBy::passes : DecodeBy::best,
                                       .seed = context.seed()},
                                      options.prefills,
                                      context.repeats());
  const std::int64_t memory = peak_memory(model.device());
  result.runs.push_back({"prompt, whole", shape, times.prefill_whole, memory});
  result.runs.push_back({"prompt, plan", shape, times.prefill_plan, memory});
  const Shape one{shape.prompts, 1};
  result.runs.push_back({"step, whole", one, times.step_whole, memory});
  result.runs.push_back({"step, plan", one, times.step_plan, memory});
  result.runs.back().shape = shape;
  result.runs.back().cache = times;
}

void measure_stream(BenchOutcome& result, const BenchContext& context, const Shape& shape) {
  const auto tokens = random_prompts(shape, context.model.config().d_vocab, context.seed());
  const std::vector<Prompt> prompts = bench_prompts(tokens);
  const RecordOptions record = context.record();
  (void)activations_of_model(context.model, prompts, record.hooks, record.batch_tokens);  // checks
  const ScratchTrace scratch(context.options.out);
  run_to_file(context.model, tokens, scratch.path(), record);
  const ReadTimes times = time_reading(scratch.path(),
                                       context.options.hooks,
                                       static_cast<std::size_t>(context.options.buffer_mib) << 20,
                                       context.repeats());
  const std::int64_t memory = peak_memory(context.model.device());
  const auto add = [&](const std::string& name, const ReadTiming& timing) {
    result.runs.push_back({name, shape, timing.wall, memory, times.bytes, {}, timing.cpu_ms});
  };
  add("stream, cold", times.stream_cold);
  add("plain read, cold", times.plain_cold);
  add("stream, cached", times.stream_cached);
  add("plain read, cached", times.plain_cached);
}

void measure_passes(BenchOutcome& result, const BenchContext& context, const Shape& shape) {
  const auto& [model, options, invocation] = context;
  const auto tokens = random_prompts(shape, model.config().d_vocab, context.seed());
  const Batch batch(tokens);
  const BenchRepeats repeats = context.repeats();
  const auto add = [&](const std::string& name, const BenchWork& work) {
    const Timing timing = time_in_turn({work}, repeats).front();
    result.runs.push_back({name, shape, timing, peak_memory(model.device())});
  };
  add("forward", {{}, [&] { run_forward(model, batch, options.logits); }});
  if (options.what == "forward") {
    return;
  }
  const RecordOptions record = context.record();
  const ScratchTrace scratch(options.out);
  add("record to memory", {{}, [&] { run_to_memory(model, batch, record); }});
  const auto remove = [&] { std::filesystem::remove(scratch.path()); };
  add("record to file", {remove, [&] { run_to_file(model, tokens, scratch.path(), record); }});
  const WriteTimes write = time_writing(model, tokens, scratch.path(), record, repeats);
  const std::int64_t memory = peak_memory(model.device());
  result.runs.back().values = write.bytes;
  result.runs.push_back({"trace alone", shape, write.trace, memory, write.bytes});
  result.runs.push_back({"plain write", shape, write.plain, memory, write.bytes});
}

void measure(BenchOutcome& result, const BenchContext& context, const Shape& shape) {
  if (context.options.what == "generate") {
    measure_steps(result, context, shape);
  } else if (context.options.what == "cache") {
    measure_cache(result, context, shape);
  } else if (context.options.what == "stream") {
    measure_stream(result, context, shape);
  } else {
    measure_passes(result, context, shape);
  }
}

BenchOutcome bench(const BenchArguments& options, const Invocation& invocation) {
  const CommonOptions& common = invocation.common;
  std::vector<Shape> shapes;
  for (const std::string& shape : options.shapes) {
    shapes.push_back(parse_shape(shape));
  }
  LoadOptions load = load_options(common);
  if (options.random_weights) {
    load.random_seed = common.seed;
  }
  catch_interrupts();
  BenchOutcome result;
  const auto start = std::chrono::steady_clock::now();
  const Model model = load_model(options.model, load);
  result.load_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.weights_hash = model.source().weights_hash;
  for (const Shape& shape : shapes) {  // all before the first run: an hour later is too late
    check_memory(need_of(model, options, shape),
                 common.device,
                 "a smaller --shape, --logits last or --dtype bf16");
  }
  for (const Shape& shape : shapes) {
    measure(result, {model, options, invocation}, shape);
  }
  return result;
}

void add_options(CLI::App& app, BenchArguments& options) {
  app.add_option("WHAT",
                 options.what,
                 "forward, record (all patterns and z), stream (reads a trace of them in shuffled "
                 "rows), generate (steps of decoding), or cache (those and the prompt's pass, with "
                 "and without heads that keep few keys)")
      ->required()
      ->check(CLI::IsMember({"forward", "record", "stream", "generate", "cache"}));
  add_model(app, options.model);
  app.add_option("--shape", options.shapes, "PROMPTSxTOKENS; repeatable")
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--repeats", options.repeats, "Timed runs")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--warm-ups", options.warm_ups, "Runs before them that are not timed")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_flag("--random-weights", options.random_weights, "A config is enough: weights by --seed");
  add_logits(app, options.logits);
  app.add_option("--hooks", options.hooks, "What record keeps and stream reads; repeatable")
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--buffer-mib", options.buffer_mib, "Memory in which stream mixes rows")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--intervene",
                 options.interventions,
                 "Interventions (JSON) that generate times steps with; default: a head scaled")
      ->check(names_a_file);
  app.add_option("--operator", options.choice, "Of cache: what heads that keep few keys have")
      ->capture_default_str();
  app.add_option("--budget", options.budget, "Of cache: share of the KV heads that keep everything")
      ->capture_default_str();
  app.add_option("--prefills", options.prefills, "Of cache: timed passes of the prompt")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--passes", options.passes, "Of cache: steps are never replayed as one launch");
  add_output_folder(app, options.out, "The folder for the traces; they are removed");
}

// Refuses what the chosen measurement would not read.
void check_read(const CLI::App& app, BenchArguments& options) {
  std::vector<std::string> reads{"WHAT", "MODEL", "shape", "repeats", "warm-ups", "random-weights"};
  const auto add = [&](std::initializer_list<const char*> names) {
    reads.insert(reads.end(), names.begin(), names.end());
  };
  if (options.what == "forward") {
    add({"logits"});
  } else if (options.what == "generate") {
    add({"intervene"});
  } else if (options.what == "stream") {
    add({"hooks", "buffer-mib", "output"});
    if (!was_given(app, "hooks")) {
      options.hooks = {"blocks.*.attn.hook_z"};
    }
  } else if (options.what == "cache") {
    add({"operator", "budget", "prefills", "passes"});
  } else {
    add({"logits", "hooks", "output"});
  }
  refuse_unread(app, "bench " + options.what, reads);
}

}  // namespace

Verb bench_verb() {
  return {
      .name = "bench",
      .summary = "Time forward passes, recordings and steps of decoding of random tokens",
      .example =
          "  headscope bench forward smollm2 --shape 8x15 --shape 1x512 --threads 2\n"
          "  headscope bench record smollm2 --json\n"
          "  headscope bench stream smollm2 --shape 64x128 --hooks 'blocks.*.attn.hook_z' -o .\n"
          "  headscope bench generate smollm2 --shape 1x16 --repeats 100 --threads 2\n"
          "  headscope bench cache smollm2 --shape 1x4096 --operator streaming:sink=4,local=64",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<BenchArguments>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          check_read(app, *options);
          const BenchOutcome result = bench(*options, invocation);
          show(invocation,
               to_json(result, *options, invocation),
               to_text(result, *options, invocation));
        };
      },
  };
}

}  // namespace headscope
