// What is typed after `headscope reproduce`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyses/circuit/component_reuse.h"
#include "analyses/circuit/reproduce.h"
#include "analyses/head_detectors/published.h"
#include "analyses/studies/study.h"
#include "cli/verb.h"

namespace headscope {

struct ReproduceArguments {
  std::vector<std::string> names;
  std::string model = "smollm2";
  std::string out = "out/reproduce";
  std::string memory;
  std::string intervene;
  ReproduceOptions reproduce;
  std::vector<std::string> set;     // component-reuse: heads
  std::vector<std::string> movers;  // likewise
  HeadRunOptions heads;
  int head_seeds = 3;
  StudyOptions study;
  bool resume = false;
};

inline constexpr std::string_view kReuse = "component-reuse";

bool is_reuse(const std::string& name);
// A circuit that path patching finds.
bool is_circuit(const std::string& name);

ReuseOptions reuse_options(const ReproduceArguments& options, std::uint64_t seed);

void add_reproduce_options(CLI::App& app, ReproduceArguments& options);

// Names in the spelling of what has them (greater_than is greater-than), and MODEL, if it is the
// last word, told from them. Throws UsageError with the nearest names for one that nothing has.
void settle_names(ReproduceArguments& options);

// Throws UsageError for options that nothing asked for reads, and gives every kind the sizes that
// were typed.
void settle_reproduce_options(const CLI::App& app, ReproduceArguments& options);

// Prompts of every circuit are made before the weights are read: what cannot be is a UsageError.
void check_sizes(const ReproduceArguments& options, std::uint64_t seed);

}  // namespace headscope
