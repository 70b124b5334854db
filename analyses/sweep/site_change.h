// How a changed value enters the residual stream. Whatever changes inside a layer's attention (q,
// k, v, pattern, z) changes z, and z reaches the stream through W_O alone: Δ = (z' − z) W_O. So one
// attention serves all heads of a layer, each head's share being a cell of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "analyses/sweep/run_values.h"
#include "lib/attention/spec.h"
#include "lib/model/model.h"

namespace headscope {

// A site's value in another run, or what else is put in its place. Axes as `original`'s.
using Replacement = std::function<Tensor(Site site, std::int64_t layer, const Tensor& original)>;

// The sites that can be swept. "z", "q", …: the names of --site. (resid_post is the next layer's
// resid_pre, and has no name of its own there; changed_streams() knows it.)
std::span<const Site> sweep_sites();
Site parse_sweep_site(const std::string& name);  // UsageError with what there is
std::string short_name(Site site);

// Heads a cell of the site can be one of: query heads, KV heads (k, v), or none.
Axis head_axis_of(Site site);  // Axis::one: no heads

// What must be kept of the run that is changed, and of the one the values come from.
std::vector<Site> sites_of_changed_run(Site site, const ModelConfig& config);
std::vector<Site> sites_of_source_run(Site site, const ModelConfig& config);

struct ChangeInput {
  const Model& model;
  const RunValues& run;
  const Replacement& replacement;
  Site site = Site::z;
  BatchLayout layout;          // of the columns that run: past, columns and pads of the run's rows
  std::int64_t kept_from = 0;  // the run's first kept column
  Tensor changed;              // [B, T] bool on the device: the columns that are changed
};

struct ChangedStreams {
  std::int64_t layer = 0;  // where they enter
  Resume::At at = Resume::At::layer;
  Tensor streams;  // [C, B, s, d_model] f32: C = the heads asked for, or 1
  Tensor differs;  // [C, B] bool: false where the stream is the run's own, exactly
};

// The streams with one head changed each, those of `heads`; or with the whole site changed
// (heads.count = 0).
ChangedStreams changed_streams(const ChangeInput& in, std::int64_t layer, HeadRange heads);

}  // namespace headscope
