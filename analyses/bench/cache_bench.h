// What a cache of keys and values in two parts gives over one that keeps everything: the pass of a
// prompt, steps of decoding, bytes.
#pragma once

#include "analyses/bench/bench_runs.h"
#include "analyses/bench/step_bench.h"
#include "lib/generate/generate.h"
#include "lib/model/model.h"

namespace headscope {

struct CacheTimes {
  Timing prefill_whole, prefill_plan;
  Timing step_whole, step_plan;
  MedianRatio prefill;  // whole ÷ plan, of runs that follow each other
  MedianRatio step;
  KvCache::Bytes bytes{};
  std::string passes;  // why steps of the plan were not replayed as one launch; empty: they were
};

struct CacheBench {
  const Model& whole;    // as it is
  const Model& planned;  // with streaming operators in its attention
  Shape shape;
  DecodeBy decode = DecodeBy::best;
  std::uint64_t seed = 0;
};

// Each prompt runs in one piece, `prefills` times under each, in turn; then both go on a token at a
// time, in turn. Throws UsageError for a model whose context is too short, or a plan whose heads
// keep everything all the same; Interrupted as time_in_turn().
CacheTimes time_cache(const CacheBench& bench, int prefills, const BenchRepeats& repeats);

}  // namespace headscope
