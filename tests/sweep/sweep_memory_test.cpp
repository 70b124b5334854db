// What a sweep takes beside the weights stays under the memory it was given, as the kernel counts
// it.
#include <fstream>

#include <malloc.h>

#include <ATen/ops/randn.h>

#include "analyses/sweep/sweep.h"
#include "lib/base/memory.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/one_thread.h"
#include "tests/support/skip.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kMB = 1'000'000;

// A field of /proc/self/status in bytes: VmRSS, or VmHWM, the most it has been.
std::int64_t status(const std::string& field) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field + ":")) {
      return std::stoll(line.substr(field.size() + 1)) * 1024;
    }
  }
  return 0;
}

// The most resident so far is what is resident now. False where the kernel does not offer it.
bool forget_peak() {
  ::malloc_trim(0);
  return static_cast<bool>(std::ofstream("/proc/self/clear_refs") << "5" << std::flush);
}

ModelConfig config_of_size() {
  ModelConfig config;
  config.n_layers = 4;
  config.d_model = 256;
  config.n_heads = 8;
  config.n_kv_heads = 2;
  config.d_head = 32;
  config.d_mlp = 768;
  config.d_vocab = 2000;
  config.n_ctx = 128;
  config.attn_scale = 0.18;
  config.ropes = {{.base = 10000.0, .dim = 32, .scaling = {}}};
  config.layers.resize(4);
  return config;
}

Tensor random_weight(std::int64_t out, std::int64_t in) {
  return at::randn({out, in}, at::kFloat).mul_(0.05);
}

// Random weights, large enough that the sweep's tensors outweigh all else a test allocates.
Model model_of_size() {
  const ModelConfig c = config_of_size();
  const NormWeights norm{at::ones({c.d_model}, at::kFloat), {}};
  Weights weights;
  weights.W_E = random_weight(c.d_vocab, c.d_model);
  weights.W_U = random_weight(c.d_vocab, c.d_model);
  weights.ln_final = norm;
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    BlockWeights block;
    block.ln1 = block.ln2 = norm;
    block.W_QKV = random_weight((c.n_heads + 2 * c.n_kv_heads) * c.d_head, c.d_model);
    block.W_O = random_weight(c.d_model, c.n_heads * c.d_head);
    block.W_in = random_weight(2 * c.d_mlp, c.d_model);
    block.W_out = random_weight(c.d_model, c.d_mlp);
    weights.blocks.push_back(block);
  }
  return Model(Model::Parts{.config = c,
                            .weights = weights,
                            .tokenizer = nullptr,
                            .device = {},
                            .dtype = DType::f32,
                            .source = {.name = "random", .files = {}, .weights_hash = ""}});
}

// Prompts that differ early on, so that most columns run again.
Task long_task(std::int64_t d_vocab) {
  const std::size_t prompts = 44;
  return random_task({.lengths = std::vector<std::int64_t>(prompts, 96),
                      .differ_from = std::vector<std::int64_t>(prompts, 2),
                      .d_vocab = d_vocab});
}

// What a tenth of the sweep adds at most: its first prompts take as much as any others.
std::int64_t taken(const Model& model,
                   const Task& task,
                   const SweepSpec& spec,
                   std::int64_t memory) {
  SweepTable table(grid_of(model, task, spec).size(), static_cast<std::int64_t>(task.items.size()));
  REQUIRE(forget_peak());
  const std::int64_t before = status("VmRSS");
  std::int64_t done = 0;
  const auto pairs = static_cast<std::int64_t>(table.values().size());
  run_sweep(model,
            task,
            spec,
            {.memory = memory,
             .progress = [&](const SweepProgress& progress) { done = progress.done; },
             .stop = [&] { return 10 * done > pairs; }},
            table);
  return status("VmHWM") - before;
}

}  // namespace

TEST_CASE("a sweep stays under the memory it was given") {
  if (!forget_peak()) {
    skip("this kernel does not forget a process's peak (/proc/self/clear_refs)");
  }
  const OneThread one_thread;  // each has buffers of its own in the library
  const Model model = model_of_size();
  const Task task = long_task(model.config().d_vocab);
  const OtherRun source(Run::clean);
  SweepSpec spec{.source = &source, .metric = &find_metric("logit_diff")};
  taken(model, task, spec, 40 * kMB);  // what the libraries take once and keep
  const std::pair<Site, bool> sites[] = {
      {Site::z, true}, {Site::pattern, true}, {Site::resid_pre, false}};
  for (const auto& part : sites) {
    spec.parts = {{part.first, part.second}};
    for (const std::int64_t memory : {40 * kMB, 120 * kMB}) {
      const std::int64_t most = taken(model, task, spec, memory);
      CAPTURE(info(part.first).name, format_bytes(memory), format_bytes(most));
      CHECK(most <= memory);
      CHECK(most >= memory / 8);  // it is the sweep's memory that is counted
    }
  }
}
