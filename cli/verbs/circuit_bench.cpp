// headscope circuit bench: what scoring edges costs here, loading and warming up left out.
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/bench/bench_runs.h"
#include "analyses/edges/circuit_method.h"
#include "cli/choices.h"
#include "cli/circuit/circuit_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "lib/base/memory.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

struct CircuitBenchArguments {
  CircuitRunOptions run;
  std::string method = "eap";
  std::string level = "edge";
  CircuitSettings settings;
  int repeats = 3;
  int warm_ups = 1;
};

// What was measured of scoring a task's items; bytes on the model's device.
struct CircuitTiming {
  Timing wall;
  std::int64_t items = 0;
  std::int64_t edges = 0;
  std::int64_t held_before = 0;
  std::int64_t beside = 0;  // at most, beside what was held before
};

std::string timing_text(const CircuitBenchArguments& arguments, const CircuitTiming& timing) {
  return facts({{"method", arguments.method},
                {"edges", grouped(timing.edges)},
                {"scoring",
                 fmt::format("{} items in {}: {:.1f} a second",
                             timing.items,
                             format_seconds(timing.wall.median_ms / 1000.0),
                             1000.0 * static_cast<double>(timing.items) / timing.wall.median_ms)},
                {"memory",
                 fmt::format("{} at most beside {} that were held before",
                             format_bytes(timing.beside),
                             format_bytes(timing.held_before))}});
}

void bench_circuit(const CircuitBenchArguments& arguments, const Invocation& invocation) {
  catch_interrupts();
  const CircuitMethod& method = find_circuit_method(arguments.method);
  const CircuitLevel level = parse_circuit_level(arguments.level);
  const CircuitInput input = circuit_input(arguments.run, invocation);
  const CircuitContext context = circuit_context(arguments.run, input);
  CircuitSettings settings = arguments.settings;
  settings.seed = invocation.common.seed;
  settings.stop = interrupted;
  reset_peak_memory(input.model.device());
  const std::int64_t before = held_memory(input.model.device());
  // Scores lie on the host when they are there: the device is done.
  const BenchWork work{.prepare = {}, .run = [&] {
                         if (circuit_scores(method, level, context, settings).empty()) {
                           throw Interrupted();
                         }
                       }};
  const Timing timing =
      time_in_turn(
          {work}, {.warm_ups = arguments.warm_ups, .timed = arguments.repeats, .stop = interrupted})
          .front();
  const std::int64_t beside = peak_memory(input.model.device()) - before;
  const auto items = static_cast<double>(input.task.items.size());
  show(invocation,
       {{"method", arguments.method},
        {"level", arguments.level},
        {"edges", context.graph.n_edges()},
        {"items", input.task.items.size()},
        {"seconds", timing.median_ms / 1000.0},
        {"seconds_min", timing.min_ms / 1000.0},
        {"items_per_second", 1000.0 * items / timing.median_ms},
        {"memory_before", before},
        {"memory_beside", beside},
        {"command_line", invocation.command_line}},
       timing_text(arguments,
                   {.wall = timing,
                    .items = std::ssize(input.task.items),
                    .edges = context.graph.n_edges(),
                    .held_before = before,
                    .beside = beside}));
}

void add_bench_options(CLI::App& app, CircuitBenchArguments& arguments) {
  add_circuit_run_options(app, arguments.run);
  app.add_option("--method", arguments.method, names_of(all_circuit_methods()))
      ->capture_default_str();
  app.add_option("--level", arguments.level, "What is scored")
      ->check(CLI::IsMember({"edge", "node"}))
      ->capture_default_str();
  app.add_option("--steps", arguments.settings.steps, "Steps of integrated gradients")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--repeats", arguments.repeats, "Times everything is scored and timed")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--warm-ups", arguments.warm_ups, "Times before them")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
}

}  // namespace

Verb circuit_bench_verb() {
  return {
      .name = "circuit bench",
      .summary = "How long scoring edges takes on this machine, and how much memory",
      .example =
          "  headscope circuit bench gpt2 --task ioi.jsonl --method eap --memory 400MB --device "
          "cuda\n"
          "\n"
          "The median of --repeats searches over all items, after one that is not timed; loading "
          "the model is left\nout. Memory is the most that was held beside what was held when "
          "scoring began (of a CPU: the most that\nwas resident by then). "
          "tests/bench/peer_edges.py times the same scores in plain Torch.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto arguments = std::make_shared<CircuitBenchArguments>();
        add_bench_options(app, *arguments);
        return [arguments, &app, &invocation] {
          if (!arguments->method.starts_with("eap-ig")) {
            refuse_without(app, {"steps"}, "--method eap-ig or eap-ig-act");
          }
          bench_circuit(*arguments, invocation);
        };
      },
  };
}

}  // namespace headscope
