// What `headscope steer` was told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyses/steering/steer_method.h"
#include "cli/common_options.h"
#include "cli/verb.h"

namespace headscope {

struct SteerOptions {
  std::string what;                // list, fit, eval or sweep
  std::vector<std::string> words;  // list: METHOD; fit: METHOD MODEL; eval and sweep: MODEL
  std::string data;
  std::string out;
  bool overwrite = false;
  bool resume = false;
  double held_out = 0.25;
  SteerSettings settings;
  std::string edits;
  std::vector<std::string> against{};  // eval: files of interventions
  std::string task;
  std::string run = "clean";
  std::string strengths = "-2:2:0.5";
  std::vector<std::int64_t> rank{};  // fit: one; sweep: what it goes over in place of strengths
  std::string text;
  std::int64_t text_tokens = 512;
  std::int64_t draws = -1;  // −1: 10 of eval, none of sweep
  PrependBos bos = PrependBos::automatic;
};

void add_steer_options(CLI::App& app, SteerOptions& options);

void list_steer_methods(const SteerOptions& options, const Invocation& invocation);
void steer_fit(const SteerOptions& options, const Invocation& invocation);
void steer_eval(const SteerOptions& options, const Invocation& invocation);
void steer_sweep(const SteerOptions& options, const Invocation& invocation);

}  // namespace headscope
