#include "analyses/sweep/site_change.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "lib/attention/attention.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"
#include "lib/model/attention_builder.h"
#include "lib/model/post_norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr Site kSites[] = {Site::resid_pre,
                           Site::resid_mid,
                           Site::attn_out,
                           Site::mlp_out,
                           Site::q,
                           Site::k,
                           Site::v,
                           Site::z,
                           Site::pattern};

bool inside_attention(Site site) {
  return site == Site::q || site == Site::k || site == Site::v || site == Site::z ||
         site == Site::pattern;
}

// The stream that attention's output has entered.
Site stream_after_attention(const ModelConfig& config) {
  return has_resid_mid(config) ? Site::resid_mid : Site::resid_post;
}

// The form in which a site is kept: queries and keys as attention compares them.
Site kept_as(Site site, const ModelConfig& config) {
  return site == Site::q   ? attention_q_site(config)
         : site == Site::k ? attention_k_site(config)
                           : site;
}

// The kept value from the first column that runs.
Tensor kept(const ChangeInput& in, Site site, std::int64_t layer) {
  const Tensor& value = in.run.at(site, layer);
  const int axis = std::max(info(site).axis(Axis::pos), info(site).axis(Axis::query));
  return value.narrow(axis, in.layout.past - in.kept_from, in.layout.columns);
}

Tensor replaced(const ChangeInput& in, Site site, std::int64_t layer) {
  const Tensor value = in.replacement(site, layer, in.run.at(site, layer));
  const int axis = std::max(info(site).axis(Axis::pos), info(site).axis(Axis::query));
  return value.narrow(axis, in.layout.past - in.kept_from, in.layout.columns);
}

// Which columns change, [B, S], where the layer lies.
Tensor changed_columns(const ChangeInput& in, std::int64_t layer) {
  return in.changed.to(to_torch(in.model.device(layer)));
}

// [B, s] of the columns that run.
Tensor running(const ChangeInput& in, std::int64_t layer) {
  return changed_columns(in, layer).narrow(1, in.layout.past, in.layout.columns);
}

AttentionInputs attention_of(const ChangeInput& in, std::int64_t layer) {
  const ModelConfig& c = in.model.config();
  return AttentionBuilder(in.model, in.layout)
      .inputs(layer,
              {.q = kept(in, attention_q_site(c), layer),
               .k = in.run.at(attention_k_site(c), layer),
               .v = in.run.at(Site::v, layer)});
}

// z' − z [B, s, H, d_head], exactly 0 where nothing changed: both come from one computation.
Tensor z_difference(const ChangeInput& in, std::int64_t layer) {
  const ModelConfig& c = in.model.config();
  const Tensor here = running(in, layer).view({in.layout.rows, in.layout.columns, 1, 1});
  if (in.site == Site::z) {
    const Tensor z = kept(in, Site::z, layer);
    return at::where(here, replaced(in, Site::z, layer), z) - z;
  }
  if (in.site == Site::pattern) {
    const Tensor pattern = kept(in, Site::pattern, layer);
    const Tensor there = here.transpose(1, 2);  // [B, 1, s, 1]: the queries
    const Tensor v = in.run.at(Site::v, layer);
    const Tensor other = at::where(there, replaced(in, Site::pattern, layer), pattern);
    return apply_pattern(other, v) - apply_pattern(pattern, v);
  }
  const AttentionInputs before = attention_of(in, layer);
  AttentionInputs after = before;
  if (in.site == Site::q) {
    after.q = at::where(here, replaced(in, kept_as(Site::q, c), layer), before.q);
  } else {
    Tensor& keys = in.site == Site::k ? after.k : after.v;
    const Site site = kept_as(in.site, c);
    const Tensor there = changed_columns(in, layer).view({in.layout.rows, in.layout.keys(), 1, 1});
    keys = at::where(there, in.replacement(site, layer, keys), keys);
  }
  return fused_attention(after) - fused_attention(before);
}

// What the heads of each of `cells` equal groups write together [cells, B, s, d_model] f32.
Tensor written(const ChangeInput& in,
               const Tensor& z,
               std::int64_t layer,
               HeadRange heads,
               std::int64_t cells) {
  const Tensor W_O = in.model.W_O(layer).narrow(0, heads.first, heads.count);
  const Tensor by_cell = z.narrow(2, heads.first, heads.count)
                             .unflatten(2, {cells, heads.count / cells})
                             .permute({2, 0, 1, 3, 4})
                             .flatten(3, 4)
                             .flatten(1, 2);  // [cells, B·s, heads a cell · d_head]
  const Tensor weight = W_O.unflatten(0, {cells, heads.count / cells}).flatten(1, 2);
  return at::bmm(by_cell, weight)
      .to(at::kFloat)
      .view({cells, z.size(0), z.size(1), in.model.config().d_model});
}

// What the change adds to the stream, given what it adds to the sum of the heads' outputs.
Tensor after_norm(const ChangeInput& in, const Tensor& delta, std::int64_t layer) {
  if (post_attention_norm(in.model, layer) == nullptr) {
    return delta;
  }
  const Tensor raw = kept(in, Site::attn_raw_out, layer).to(at::kFloat);
  return after_attention_norm(in.model, layer, raw + delta) -
         after_attention_norm(in.model, layer, raw);
}

struct Entry {
  std::int64_t layer;
  Resume::At at;
};

Entry after_attention(const ModelConfig& c, std::int64_t layer) {
  return has_resid_mid(c) ? Entry{layer, Resume::At::mid} : Entry{layer + 1, Resume::At::layer};
}

ChangedStreams through_attention(const ChangeInput& in, std::int64_t layer, HeadRange heads) {
  const ModelConfig& c = in.model.config();
  const bool by_kv_head = head_axis_of(in.site) == Axis::kv_head;
  const std::int64_t group = by_kv_head ? c.heads_per_kv() : 1;
  const HeadRange query_heads = heads.count == 0
                                    ? HeadRange{0, c.n_heads}
                                    : HeadRange{heads.first * group, heads.count * group};
  const Tensor difference = z_difference(in, layer);
  const Tensor chosen = difference.narrow(2, query_heads.first, query_heads.count);
  const std::int64_t cells = heads.count == 0 ? 1 : heads.count;
  const Tensor delta = written(in, difference, layer, query_heads, cells);
  const Tensor differs = chosen.ne(0).any(3).any(1).t().unflatten(0, {cells, -1}).any(1);
  const Tensor stream = kept(in, stream_after_attention(c), layer);
  const Entry entry = after_attention(c, layer);
  return {entry.layer, entry.at, stream + after_norm(in, delta, layer), differs};
}

// A whole stream, or what one part writes into it.
ChangedStreams through_stream(const ChangeInput& in, std::int64_t layer) {
  const ModelConfig& c = in.model.config();
  const Tensor here = running(in, layer).unsqueeze(-1);
  const Tensor before = kept(in, in.site, layer);
  const Tensor difference = at::where(here, replaced(in, in.site, layer), before) - before;
  Entry entry{layer, Resume::At::layer};
  Tensor stream = before;
  if (in.site == Site::attn_out) {
    entry = after_attention(c, layer);
    stream = kept(in, stream_after_attention(c), layer);
  } else if (in.site == Site::mlp_out || in.site == Site::resid_post) {
    entry = {layer + 1, Resume::At::layer};
    stream = kept(in, Site::resid_post, layer);
  } else if (in.site == Site::resid_mid) {
    entry = {layer, Resume::At::mid};
  }
  Tensor changed = (in.site == Site::attn_out || in.site == Site::mlp_out)
                       ? stream + difference
                       : at::where(here, replaced(in, in.site, layer), before);
  if (in.site == Site::mlp_out || in.site == Site::resid_post) {
    changed = entering_next_block(in.model, layer, changed);
  }
  return {entry.layer, entry.at, changed.unsqueeze(0), difference.ne(0).any(2).any(1).unsqueeze(0)};
}

}  // namespace

std::span<const Site> sweep_sites() {
  return kSites;
}

std::string short_name(Site site) {
  const std::string name(info(site).name);
  return name.substr(name.find("hook_") + 5);
}

Site parse_sweep_site(const std::string& name) {
  std::vector<std::string> names;
  for (const Site site : kSites) {
    names.push_back(short_name(site));
    if (names.back() == name) {
      return site;
    }
  }
  throw UsageError("--site {}: no such site to sweep{}; there are {}",
                   name,
                   did_you_mean(name, names),
                   fmt::join(names, ", "));
}

Axis head_axis_of(Site site) {
  return !inside_attention(site)              ? Axis::one
         : site == Site::k || site == Site::v ? Axis::kv_head
                                              : Axis::head;
}

std::vector<Site> sites_of_changed_run(Site site, const ModelConfig& config) {
  std::vector<Site> sites{attention_k_site(config), Site::v};
  if (site == Site::mlp_out) {
    sites.insert(sites.end(), {site, Site::resid_post});
  } else if (site == Site::resid_pre || site == Site::resid_mid || site == Site::resid_post) {
    sites.push_back(site);
  } else {
    sites.push_back(stream_after_attention(config));
    if (info(Site::ln1_post_scale).exists(config)) {
      sites.push_back(Site::attn_raw_out);
    }
    sites.push_back(kept_as(site, config));
    if (site == Site::k || site == Site::v) {
      sites.push_back(attention_q_site(config));
    }
  }
  return sites;
}

std::vector<Site> sites_of_source_run(Site site, const ModelConfig& config) {
  return {kept_as(site, config)};
}

ChangedStreams changed_streams(const ChangeInput& in, std::int64_t layer, HeadRange heads) {
  return inside_attention(in.site) ? through_attention(in, layer, heads)
                                   : through_stream(in, layer);
}

}  // namespace headscope
