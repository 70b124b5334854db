// The options of `headscope sae bench`, and what runs it.
#pragma once

#include <cstdint>
#include <string>

#include "analyses/sae/sae_train_options.h"
#include "cli/verb.h"

namespace headscope {

struct SaeBenchOptions {
  std::string trace;  // empty: random rows
  std::string site;   // of the trace
  std::int64_t d_in = 576;
  std::string arch = "topk";
  std::int64_t d_sae = 4608;
  std::int64_t k = 32;
  double sparsity = 1.0;
  std::int64_t batch = 1024;
  int steps = 20;
  int warm_ups = 5;
};

void add_sae_bench_options(CLI::App& app, SaeBenchOptions& options);
void sae_bench(const SaeBenchOptions& options, const Invocation& invocation);

}  // namespace headscope
