// What patch and attribute are told alike: the values that change places, and the cells.
#pragma once

#include <string>

#include "analyses/sweep/sweep.h"
#include "lib/base/json_fwd.h"

namespace CLI {
class App;
}

namespace headscope {

struct PatchOptions {
  std::string site = "z";
  std::string over = "layer,head";
  std::string from = "clean";
};

void add_patch_options(CLI::App& app, PatchOptions& options);

Run source_run(const PatchOptions& options);

// `source` outlives the spec. Throws UsageError for a site or cells that are not.
SweepSpec patch_spec(const PatchOptions& options,
                     const std::string& positions,
                     const std::string& metric,
                     const ValueSource& source);

Json patch_identity(const PatchOptions& options);

}  // namespace headscope
