#include "cli/sweep/patch_options.h"

#include <CLI/CLI.hpp>

#include "cli/sweep/sweep_run.h"
#include "lib/base/json.h"

namespace headscope {

void add_patch_options(CLI::App& app, PatchOptions& options) {
  std::vector<std::string> names;
  for (const Site site : sweep_sites()) {
    names.push_back(short_name(site));
  }
  app.add_option("--site",
                 options.site,
                 "What is patched. q, z and pattern have query heads; k and v have KV heads, and a "
                 "patched one is seen by every query head that shares it")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  app.add_option("--over", options.over, "layer, layer,head, layer,pos or layer,head,pos")
      ->capture_default_str();
  app.add_option("--from", options.from, "The run values come from; the other one is changed")
      ->check(CLI::IsMember(run_names()))
      ->capture_default_str();
}

Run source_run(const PatchOptions& options) {
  return parse_run(options.from);
}

SweepSpec patch_spec(const PatchOptions& options,
                     const std::string& positions,
                     const std::string& metric,
                     const ValueSource& source) {
  const OverAxes over = parse_over(options.over);
  return {.parts = {{parse_sweep_site(options.site), over.heads}},
          .over_positions = over.positions,
          .positions = {positions},
          .into = other_run(source_run(options)),
          .source = &source,
          .metric = &find_metric(metric)};
}

Json patch_identity(const PatchOptions& options) {
  return {{"site", options.site},
          {"from", options.from},
          {"into", to_string(other_run(source_run(options)))}};
}

}  // namespace headscope
