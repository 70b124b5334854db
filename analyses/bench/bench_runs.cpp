#include "analyses/bench/bench_runs.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/base/mersenne_random.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

// Reading one element waits for everything queued before it.
void wait_for(const ForwardResult& pass) {
  const Tensor& value = pass.logits.defined() ? pass.logits : pass.residual;
  to_floats(value.flatten().narrow(0, 0, 1));
}

double milliseconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  return took.count();
}

}  // namespace

Timing timing_of(std::vector<double> times_ms) {
  std::sort(times_ms.begin(), times_ms.end());
  const std::size_t middle = times_ms.size() / 2;
  const double median =
      times_ms.size() % 2 == 1 ? times_ms[middle] : (times_ms[middle - 1] + times_ms[middle]) / 2;
  return {median, times_ms.front()};
}

Shape parse_shape(std::string_view text) {
  Shape shape;
  const char* end = text.data() + text.size();
  const auto rows = std::from_chars(text.data(), end, shape.prompts);
  if (rows.ec == std::errc() && rows.ptr != end && *rows.ptr == 'x') {
    const auto columns = std::from_chars(rows.ptr + 1, end, shape.tokens);
    if (columns.ec == std::errc() && columns.ptr == end && shape.prompts > 0 && shape.tokens > 0) {
      return shape;
    }
  }
  throw UsageError("--shape {}: not PROMPTSxTOKENS, for example 8x15", text);
}

std::vector<std::vector<std::int32_t>> random_prompts(const Shape& shape,
                                                      std::int64_t vocabulary,
                                                      std::uint64_t seed) {
  MersenneRandom random(seed);
  std::vector<std::vector<std::int32_t>> prompts(static_cast<std::size_t>(shape.prompts));
  for (auto& prompt : prompts) {
    for (std::int64_t i = 0; i < shape.tokens; ++i) {
      prompt.push_back(
          static_cast<std::int32_t>(random.below(static_cast<std::size_t>(vocabulary))));
    }
  }
  return prompts;
}

std::vector<std::vector<double>> times_in_turn(const std::vector<BenchWork>& works,
                                               const BenchRepeats& repeats) {
  std::vector<std::vector<double>> times(works.size());
  for (int i = 0; i < repeats.warm_ups + repeats.timed; ++i) {
    for (std::size_t work = 0; work < works.size(); ++work) {
      if (works[work].prepare) {
        works[work].prepare();
      }
      const double ms = milliseconds_of(works[work].run);
      if (i >= repeats.warm_ups) {
        times[work].push_back(ms);
      }
      if (repeats.stop && repeats.stop()) {
        throw Interrupted();
      }
    }
  }
  return times;
}

std::vector<Timing> time_in_turn(const std::vector<BenchWork>& works, const BenchRepeats& repeats) {
  std::vector<Timing> timings;
  for (std::vector<double>& own : times_in_turn(works, repeats)) {
    timings.push_back(timing_of(std::move(own)));
  }
  return timings;
}

void run_forward(const Model& model, const Batch& batch, Logits logits) {
  wait_for(model.forward(batch, {.logits = logits}));
}

void run_to_memory(const Model& model, const Batch& batch, const RecordOptions& options) {
  Recorder recorder(options.hooks);
  wait_for(model.forward(batch, recorder, {.logits = options.logits}));
}

std::vector<Prompt> bench_prompts(const std::vector<std::vector<std::int32_t>>& tokens) {
  std::vector<Prompt> prompts;
  for (const auto& row : tokens) {
    Prompt prompt;
    prompt.id = std::to_string(prompts.size());
    prompt.tokens = row;
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

void run_to_file(const Model& model,
                 const std::vector<std::vector<std::int32_t>>& tokens,
                 const std::filesystem::path& path,
                 const RecordOptions& options) {
  record(model, bench_prompts(tokens), path, options);
}

}  // namespace headscope
