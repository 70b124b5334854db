// The options of circuit find.
#pragma once

#include <cstdint>
#include <string>

#include "analyses/edges/circuit_method.h"
#include "cli/circuit/circuit_options.h"

namespace headscope {

struct CircuitFindOptions {
  CircuitRunOptions run;
  KeptOutput output;
  std::string method = "eap-ig";
  std::string level = "edge";
  std::string select = "absolute";
  std::int64_t size = 0;  // edges or nodes of the circuit; 0: usual_size()
  CircuitSettings settings;
  std::size_t top = 10;
  // The share of resamples of the items that must agree on a score's sign; 0: none are drawn.
  double same_sign = 0.0;
  std::int64_t bootstraps = 100;
  bool kv_heads = false;
  std::int64_t exact = 0;  // edges that are cut too, to see how well they were estimated
};

void add_find_options(CLI::App& app, CircuitFindOptions& options);

// Throw UsageError for options that do not fit each other, before any work.
void check_find(const CircuitFindOptions& options);
// … and for settings that the method does not read.
void refuse_unread_settings(const CLI::App& app, const std::string& method);

}  // namespace headscope
