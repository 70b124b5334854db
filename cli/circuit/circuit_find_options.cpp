#include "cli/circuit/circuit_find_options.h"

#include <vector>

#include <CLI/CLI.hpp>

#include "analyses/edges/select.h"
#include "cli/output.h"
#include "cli/unread_options.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const CircuitMethod& method : all_circuit_methods()) {
    names.emplace_back(method.name);
  }
  return names;
}

}  // namespace

void check_find(const CircuitFindOptions& options) {
  check_kept_output(options.output);
  if (options.output.resume && find_circuit_method(options.method).resumes == Resumes::no) {
    throw UsageError("--method {} takes a moment and keeps nothing; leave out --resume",
                     options.method);
  }
  parse_select_by(options.select);
  const bool nodes = parse_circuit_level(options.level) == CircuitLevel::node;
  if (nodes && options.select == "greedy") {
    throw UsageError("--select greedy follows edges; of nodes take signed or absolute");
  }
  if (nodes && options.kv_heads) {
    throw UsageError("--kv-heads adds up edges; a node is a query head, leave it out");
  }
  if (options.kv_heads && options.exact > 0) {
    throw UsageError("--exact cuts single edges, of which --kv-heads makes sums; leave out one");
  }
  if (nodes && options.exact > 0) {
    throw UsageError("--exact cuts edges; of nodes compare with --method patch --level node");
  }
}

namespace {

// How what is scored is scored.
void add_method_options(CLI::App& app, CircuitFindOptions& options) {
  app.add_option("--method", options.method, "How edges or nodes are scored; see below")
      ->check(CLI::IsMember(method_names()))
      ->capture_default_str();
  app.add_option("--level", options.level, "What is scored")
      ->check(CLI::IsMember({"edge", "node"}))
      ->capture_default_str();
  app.add_option("--steps", options.settings.steps, "Steps of integrated gradients")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--thresholds",
                 options.settings.thresholds,
                 "acdc: what an edge must be worth to stay, in units of the metric, ascending")
      ->delimiter(',')
      ->default_str("0.001,0.003,0.01,0.03,0.1,0.3,1");
}

// Which of the scored are the circuit.
void add_choice_options(CLI::App& app, CircuitFindOptions& options) {
  app.add_option("--size", options.size, "Edges (or nodes) of the circuit, before pruning")
      ->check(CLI::PositiveNumber)
      ->default_str("a hundredth of edges, a tenth of nodes");
  app.add_option("--select",
                 options.select,
                 "absolute: the largest scores of either sign; signed: what helps most; greedy: "
                 "edge after edge from the logits")
      ->check(CLI::IsMember({"absolute", "signed", "greedy"}))
      ->capture_default_str();
  app.add_option(
         "--same-sign",
         options.same_sign,
         "Take only what keeps its score's sign in this share of resamples of the items, as "
         "in 0.95")
      ->check(CLI::Range(0.5, 1.0))
      ->default_str("none");
  app.add_option("--bootstraps", options.bootstraps, "Resamples for --same-sign")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str();
  app.add_flag("--kv-heads",
               options.kv_heads,
               "Query heads that share keys and values: add up their k, and their v, edges from a "
               "writer, and choose them together");
}

}  // namespace

void add_find_options(CLI::App& app, CircuitFindOptions& options) {
  add_circuit_run_options(app, options.run);
  add_method_options(app, options);
  add_choice_options(app, options);
  app.add_option("--top", options.top, "Edges to list")->capture_default_str();
  app.add_option(
         "--exact",
         options.exact,
         "Cut so many edges for real, half of them the strongest, the others drawn, and say "
         "how well their losses were estimated")
      ->check(CLI::Range(2, 10000000))
      ->default_str("none");
  add_kept_output(app, options.output, "The graph to write (.json)");
  app.get_option("--output")->required();
}

void refuse_unread_settings(const CLI::App& app, const std::string& method) {
  if (!method.starts_with("eap-ig")) {
    refuse_without(app, {"steps"}, "--method eap-ig or eap-ig-act");
  }
  if (!was_given(app, "same-sign")) {
    refuse_without(app, {"bootstraps"}, "--same-sign");
  }
  if (method != "acdc") {
    refuse_without(app, {"thresholds"}, "--method acdc");
  }
}

}  // namespace headscope
