#include "cli/bench/bench_view.h"

#include <utility>

#include "cli/bench/step_view.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "lib/base/counted.h"
#include "lib/base/memory.h"
#include "lib/base/parallel.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

// "Writing … reaches 94 % of the disk's rate": the medians of "trace alone" and "plain write".
std::string share_of_disk(const BenchOutcome& result) {
  std::string text;
  for (std::size_t i = 1; i < result.runs.size(); ++i) {
    const Measurement& trace = result.runs[i - 1];
    const Measurement& plain = result.runs[i];
    if (plain.run == "plain write") {
      text += fmt::format("\n{}x{}: a trace is written at {:.0f} MB/s, {:.0f} % of a plain write\n",
                          plain.shape.prompts,
                          plain.shape.tokens,
                          trace.bytes_per_second() / 1e6,
                          100.0 * plain.timing.median_ms / trace.timing.median_ms);
    }
  }
  return text;
}

// "Shuffled rows come at … % of a plain read's rate", cold and cached, and what of the CPU it
// takes.
std::string share_of_reading(const BenchOutcome& result) {
  std::string text;
  for (std::size_t i = 1; i < result.runs.size(); ++i) {
    const Measurement& stream = result.runs[i - 1];
    const Measurement& plain = result.runs[i];
    if (plain.run.starts_with("plain read")) {
      const auto per_gigabyte = [](const Measurement& run) {
        return *run.cpu_ms * 1e6 / static_cast<double>(run.values);
      };
      text += fmt::format(
          "\n{}x{}, {}: {:.0f} MB/s, {:.0f} % of a plain read; CPU {:.2f} s/GB, a plain read "
          "{:.2f}",
          plain.shape.prompts,
          plain.shape.tokens,
          stream.run,
          stream.bytes_per_second() / 1e6,
          100.0 * plain.timing.median_ms / stream.timing.median_ms,
          per_gigabyte(stream),
          per_gigabyte(plain));
    }
  }
  return text.empty() ? text : text + "\n";
}

std::string steps_text(const BenchOutcome& result, const BenchArguments& options) {
  const std::string change =
      options.interventions.empty() ? "a head scaled" : "the change by " + options.interventions;
  std::string text;
  for (const Measurement& run : result.runs) {
    if (run.run == "step") {
      text += fmt::format(
          "\n{}x{}: {}\n", run.shape.prompts, run.shape.tokens, step_text(*run.steps, change));
    }
  }
  return text;
}

OrderedJson ratio_json(const MedianRatio& ratio) {
  return {{"median", ratio.median}, {"low", ratio.low}, {"high", ratio.high}};
}

OrderedJson cache_json(const CacheTimes& cache) {
  return {{"prefill_ratio", ratio_json(cache.prefill)},
          {"step_ratio", ratio_json(cache.step)},
          {"kv_bytes", cache.bytes.kept},
          {"kv_bytes_whole", cache.bytes.whole},
          {"passes", cache.passes}};
}

// What a cache in two parts gives over a whole one.
std::string cache_text(const BenchOutcome& result) {
  std::string text;
  for (const Measurement& run : result.runs) {
    if (run.cache) {
      const auto& [kept, whole] = run.cache->bytes;
      text += fmt::format(
          "\n{}x{}: keys and values {} of {}, {:.2f} × less; prompt {:.2f} × [{:.2f}, {:.2f}] and "
          "step {:.2f} × [{:.2f}, {:.2f}] as fast as with a whole cache{}\n",
          run.shape.prompts,
          run.shape.tokens,
          format_bytes(kept),
          format_bytes(whole),
          static_cast<double>(whole) / static_cast<double>(kept),
          run.cache->prefill.median,
          run.cache->prefill.low,
          run.cache->prefill.high,
          run.cache->step.median,
          run.cache->step.low,
          run.cache->step.high,
          run.cache->passes.empty() ? "" : "; steps were passes: " + run.cache->passes);
    }
  }
  return text;
}

}  // namespace

OrderedJson to_json(const BenchOutcome& result,
                    const BenchArguments& options,
                    const Invocation& invocation) {
  OrderedJson runs = OrderedJson::array();
  for (const Measurement& run : result.runs) {
    runs.push_back({{"run", run.run},
                    {"prompts", run.shape.prompts},
                    {"tokens", run.shape.tokens},
                    {"median_ms", run.timing.median_ms},
                    {"min_ms", run.timing.min_ms},
                    {"tokens_per_second", run.tokens_per_second()},
                    {"peak_memory", run.peak_memory}});
    if (run.steps) {
      runs.back().update(step_json(*run.steps));
    }
    if (run.cache) {
      runs.back().update(cache_json(*run.cache));
    }
    if (run.cpu_ms) {
      runs.back()["cpu_ms"] = *run.cpu_ms;
    }
    if (run.values > 0) {
      runs.back()["bytes"] = run.values;
      runs.back()["bytes_per_second"] = run.bytes_per_second();
    }
  }
  const CommonOptions& common = invocation.common;
  return {{"command_line", invocation.command_line},
          {"headscope_version", std::string(kVersion)},
          {"model", options.model},
          {"weights_hash", result.weights_hash},
          {"device", to_string(common.device)},
          {"dtype", std::string(to_string(common.dtype))},
          {"threads", thread_count()},
          {"seed", common.seed},
          {"logits", std::string(to_string(options.logits))},
          {"repeats", options.repeats},
          {"load_seconds", result.load_seconds},
          {"runs", std::move(runs)}};
}

std::string to_text(const BenchOutcome& result,
                    const BenchArguments& options,
                    const Invocation& invocation) {
  Table table({{"run"},
               {"prompts"},
               {"tokens"},
               {"median ms", 2},
               {"min ms", 2},
               {"tokens/s", 0},
               {"MB/s", 0},
               {"peak memory"}});
  for (const Measurement& run : result.runs) {
    table.row({run.run,
               run.shape.prompts,
               run.shape.tokens,
               run.timing.median_ms,
               run.timing.min_ms,
               run.tokens_per_second(),
               run.values > 0 ? OrderedJson(run.bytes_per_second() / 1e6) : OrderedJson(),
               format_bytes(run.peak_memory)});
  }
  return fmt::format("{} on {} in {}, {}, {}, loaded in {}\n\n{}{}",
                     options.model,
                     to_string(invocation.common.device),
                     to_string(invocation.common.dtype),
                     counted(thread_count(), "thread"),
                     counted(options.repeats, "repeat"),
                     format_seconds(result.load_seconds),
                     table.text(),
                     share_of_disk(result) + share_of_reading(result) +
                         steps_text(result, options) + cache_text(result));
}

}  // namespace headscope
